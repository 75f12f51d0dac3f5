package driver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const anyHandle = "lab/0123456789abcdef0123456789abcdef"

// fakeProvisioner returns what its fields are set to, and records its arguments.
type fakeProvisioner struct {
	volume      volume.Volume
	err         error
	unfinished  string // the name of a create that may still be running
	spec        volume.Spec
	deleted     []volume.Handle
	credentials volume.Credentials
	calls       int

	volumes    []volume.Volume
	unwell     []volume.Health
	after      string
	capacity   volume.Capacity
	parameters volume.Parameters
	space      volume.Space
}

func (f *fakeProvisioner) Create(_ context.Context, spec volume.Spec) (volume.Volume, error) {
	f.calls++
	f.spec = spec
	return f.volume, f.err
}

// RefuseCreate does not count as a call.
func (f *fakeProvisioner) RefuseCreate(_ context.Context, name string, _ volume.Credentials, refusal error) error {
	if f.unfinished == name && name != "" {
		return fmt.Errorf("%w: %s", volume.ErrBusy, refusal.Error())
	}
	return refusal
}

func (f *fakeProvisioner) Delete(_ context.Context, handle volume.Handle, credentials volume.Credentials) error {
	f.calls++
	f.deleted, f.credentials = append(f.deleted, handle), credentials
	return f.err
}

func (f *fakeProvisioner) Get(_ context.Context, _ volume.Handle, credentials volume.Credentials) (volume.Volume, error) {
	f.calls++
	f.credentials = credentials
	return f.volume, f.err
}

func (f *fakeProvisioner) Expand(_ context.Context, _ volume.Handle, capacity volume.Capacity, credentials volume.Credentials) (int64, error) {
	f.calls++
	f.capacity, f.credentials = capacity, credentials
	return f.volume.CapacityBytes, f.err
}

func (f *fakeProvisioner) List(_ context.Context, after string, limit int) ([]volume.Volume, bool, error) {
	f.calls++
	f.after = after
	if limit > 0 && limit < len(f.volumes) {
		return f.volumes[:limit], true, f.err
	}
	return f.volumes, false, f.err
}

func (f *fakeProvisioner) Available(_ context.Context, parameters volume.Parameters) (volume.Space, error) {
	f.calls++
	f.parameters = parameters
	return f.space, f.err
}

func (f *fakeProvisioner) Health(_ context.Context, _ volume.Handle, credentials volume.Credentials) (volume.Health, error) {
	f.calls++
	f.credentials = credentials
	return f.unwell[0], f.err
}

func (f *fakeProvisioner) ListHealth(_ context.Context, after string, limit int) ([]volume.Health, bool, error) {
	f.calls++
	f.after = after
	if limit > 0 && limit < len(f.unwell) {
		return f.unwell[:limit], true, f.err
	}
	return f.unwell, false, f.err
}

// fakeMounter returns what its fields are set to, and records its arguments.
type fakeMounter struct {
	calls       []string
	source      mount.Source
	publication mount.Publication
	stats       mount.Stats
	health      mount.Health
	err         error
}

func (f *fakeMounter) called(parts ...string) error {
	f.calls = append(f.calls, strings.Join(parts, " "))
	return f.err
}

func (f *fakeMounter) Stage(_ context.Context, s mount.Source, path string) error {
	f.source = s
	return f.called("stage", s.VolumeID, path)
}

func (f *fakeMounter) Unstage(_ context.Context, id, path string) error {
	return f.called("unstage", id, path)
}

func (f *fakeMounter) Publish(_ context.Context, p mount.Publication) error {
	f.publication = p
	return f.called("publish", p.VolumeID, p.TargetPath)
}

func (f *fakeMounter) Unpublish(_ context.Context, id, path string) error {
	return f.called("unpublish", id, path)
}

func (f *fakeMounter) Stats(_ context.Context, id, path string) (mount.Stats, error) {
	return f.stats, f.called("stats", id, path)
}

func (f *fakeMounter) Health(_ context.Context, id, path string) (mount.Health, error) {
	return f.health, f.called("health", id, path)
}

func (f *fakeMounter) Expand(_ context.Context, id, path string) (int64, error) {
	return f.stats.TotalBytes, f.called("expand", id, path)
}

func mountCapability(mode csi.VolumeCapability_AccessMode_Mode, flags ...string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{MountFlags: flags}},
	}
}

func anyCapability() *csi.VolumeCapability {
	return mountCapability(csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER)
}

// wantError checks the code and the words of an error as the caller would receive it.
func wantError(t *testing.T, err error, code codes.Code, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	err = toStatus(err)
	if got := status.Code(err); got != code {
		t.Errorf("%v: code %s, want %s", err, got, code)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

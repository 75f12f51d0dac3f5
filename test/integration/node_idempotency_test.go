package integration

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestNodeCallsAgain repeats each call of the node service.
func TestNodeCallsAgain(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	before := r.onlyClient(n, nameOf(v))
	_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
	r.ok(err, "the second NodeStageVolume")
	_, err = n.NodeStageVolume(r.call(), stageRequest(v, staging, "noatime"))
	r.ok(err, "a NodeStageVolume after an edit of the mount options")
	_, err = n.NodeStageVolume(r.call(), stageRequest(v, staging, "ro"))
	r.refused(err, codes.AlreadyExists, "ro")
	_, err = n.NodeStageVolume(r.call(), stageRequest(v, r.directory(n)))
	r.refused(err, codes.AlreadyExists, staging)

	target := r.publish(n, v, staging, false)
	request := publishRequest(v, staging, target)
	_, err = n.NodePublishVolume(r.call(), request)
	r.ok(err, "the second NodePublishVolume")
	request.Readonly = true
	_, err = n.NodePublishVolume(r.call(), request)
	r.refused(err, codes.AlreadyExists, target, "readonly")
	other := static("another volume", v.GetVolumeContext()["servers"], nameOf(v))
	_, err = n.NodeStageVolume(r.call(), stageRequest(other, staging))
	r.refused(err, codes.AlreadyExists, v.GetVolumeId(), staging)
	_, err = n.NodeUnpublishVolume(r.call(), &csi.NodeUnpublishVolumeRequest{VolumeId: other.GetVolumeId(), TargetPath: target})
	r.refused(err, codes.InvalidArgument, v.GetVolumeId(), target)
	if r.glusterMount(n, staging); isReadOnly(r.glusterMount(n, target)) {
		r.Error("a refused call has changed the mount:", describe(r.mounts(n, target)))
	}
	if after := r.onlyClient(n, nameOf(v)); after.PID != before.PID {
		r.Errorf("the client was %v and is %v", before, after)
	}
	for range 2 {
		r.unpublish(n, v, target)
		r.absent(n, target)
	}
	for range 2 {
		r.unstage(n, v, staging)
		r.notMounted(n, staging)
	}
	r.noClient(n, nameOf(v))
}

// TestNodeCallsAtOnce publishes and unpublishes for many pods concurrently. Conflicting calls may be refused with ABORTED.
func TestNodeCallsAtOnce(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	targets := make([]string, 8)
	for i := range targets {
		targets[i] = r.target(n, v)
	}
	errs := make([]error, len(targets))
	var group sync.WaitGroup
	for i, target := range targets {
		group.Go(func() {
			errs[i] = again(func() error {
				_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
				return err
			})
		})
	}
	group.Wait()
	for i, target := range targets {
		r.ok(errs[i], "NodePublishVolume")
		r.glusterMount(n, target)
	}
	r.onlyClient(n, nameOf(v))
	for i, target := range targets {
		group.Go(func() {
			errs[i] = again(func() error {
				_, err := n.NodeUnpublishVolume(r.call(), &csi.NodeUnpublishVolumeRequest{VolumeId: v.GetVolumeId(), TargetPath: target})
				return err
			})
		})
	}
	group.Wait()
	for i, target := range targets {
		r.ok(errs[i], "NodeUnpublishVolume")
		r.absent(n, target)
	}
	r.glusterMount(n, staging)
}

// TestNothingThere unpublishes and unstages volumes that were never staged.
func TestNothingThere(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := static("no-such-volume", "storage1", "no-such-volume")
	dir := r.directory(n)
	for name, path := range map[string]string{
		"empty directory": dir, "missing": filepath.Join(dir, "missing"), "missing parent": filepath.Join(dir, "missing", "too"),
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			r.unstage(n, v, path)
			r.unpublish(n, v, path)
			r.unstage(n, v, path)
			r.absent(n, path)
		})
	}
	dir = r.directory(n)
	r.ok(os.WriteFile(filepath.Join(dir, "data"), nil, 0o644), "write")
	r.unstage(n, v, dir)
	_, err := n.NodeUnpublishVolume(r.call(), &csi.NodeUnpublishVolumeRequest{VolumeId: v.GetVolumeId(), TargetPath: dir})
	if err == nil {
		r.Error("NodeUnpublishVolume says nothing of the data at the target path")
	}
	left, err := os.ReadDir(dir)
	r.ok(err, "list")
	if !slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() == "data" }) {
		r.Errorf("data beneath a target path is gone: %v", left)
	}
	r.ok(os.Remove(filepath.Join(dir, "data")), "remove")
	r.delete("lab/00000000000000000000000000000000")
	r.delete("made-by-hand")
}

package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/util/wait"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/dirlock"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestNamesOfVolumes: the CSI spec bans control characters but for tab, newline and carriage return.
func TestNamesOfVolumes(t *testing.T) {
	for name, want := range map[string]bool{
		"pvc-1": true, "": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		"a\tb": true, "a\nb": true, "a\rb": true, "a\x00b": false, "a\x0bb": false, "a\x1fb": false, "a b": true, "a~b": true,
		"a\x7fb": false, "a\u0080b": false, "a\u009fb": false, "a\u00a0b": true, "aéb": true,
	} {
		if err := checkName(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFileSystemsOfDisks(t *testing.T) {
	for fsType, want := range map[string]bool{"": false, "glusterfs": false, "fuse.glusterfs": false, "ext4": true, "xfs": true} {
		if got := ofDisk(fsType); got != want {
			t.Errorf("%q: %t", fsType, got)
		}
	}
}

// TestPageSizes: a page has as much as fits, and at least one.
func TestPageSizes(t *testing.T) {
	const most, frame = 3 << 20, 6
	of := func(size int) proto.Message {
		m := wrapperspb.String("")
		for m.Value = strings.Repeat("x", size-frame); proto.Size(m)+frame > size; m.Value = m.Value[1:] {
		}
		return m
	}
	for _, tt := range []struct {
		sizes []int
		want  int
	}{
		{nil, 0},
		{[]int{most + 1}, 1},
		{[]int{most}, 1},
		{[]int{most + 1, 100}, 1},
		{[]int{most / 2, most / 2}, 2},
		{[]int{most / 2, most/2 + 1}, 1},
		{[]int{most / 2, most / 2, 10}, 2},
	} {
		if got := page(tt.sizes, of); len(got) != tt.want {
			t.Errorf("%v: %d entries, want %d", tt.sizes, len(got), tt.want)
		}
	}
}

// TestEmptyPages have no token, which is the id of their last volume.
func TestEmptyPages(t *testing.T) {
	server := &controllerServer{provisioner: &moreProvisioner{}, health: true}
	list, err := server.ListVolumes(t.Context(), &csi.ListVolumesRequest{})
	if err != nil || list.GetNextToken() != "" {
		t.Errorf("%v, %v", list, err)
	}
	health, err := server.ControllerListVolumeHealth(t.Context(), &csi.ControllerListVolumeHealthRequest{})
	if err != nil || health.GetNextToken() != "" {
		t.Errorf("%v, %v", health, err)
	}
}

// moreProvisioner has nothing, and says that there is more.
type moreProvisioner struct{ fakeProvisioner }

func (*moreProvisioner) List(context.Context, string, int) ([]volume.Volume, bool, error) {
	return nil, true, nil
}

func (*moreProvisioner) ListHealth(context.Context, string, int) ([]volume.Health, bool, error) {
	return nil, true, nil
}

func TestLongestSocketPath(t *testing.T) {
	for length, want := range map[int]bool{107: true, 108: false} {
		if _, err := SocketPath("/" + strings.Repeat("x", length-1)); (err == nil) != want {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

// TestListenFails: what cannot be looked at or removed is not replaced, and no lock is left.
func TestListenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "missing", "x.sock"):      "no such file",
		filepath.Join(dir, strings.Repeat("x", 300)): "file name too long",
		file:                          "not a socket",
		filepath.Join(file, "x.sock"): "not a directory",
	} {
		if listener, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", path, listener, err)
		}
	}
	unlock, err := dirlock.Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Listen(ctx, filepath.Join(dir, "x.sock")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another process holds the lock: %v", err)
	}
	unlock()
	before := mounttest.Descriptors(t)
	for range 3 {
		listener, err := Listen(t.Context(), filepath.Join(dir, "x.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
	}
	if after := mounttest.Descriptors(t); after > before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

// identity answers Probe as it is told.
type identity struct {
	csi.UnimplementedIdentityServer
	answer *csi.ProbeResponse
}

func (i identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return i.answer, nil
}

// TestProbeAnswers: a driver that says nothing is ready, by the CSI spec.
func TestProbeAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer *csi.ProbeResponse
		want   bool
	}{
		"nothing":   {&csi.ProbeResponse{}, true},
		"ready":     {&csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, true},
		"not ready": {&csi.ProbeResponse{Ready: wrapperspb.Bool(false)}, false},
	} {
		socket := filepath.Join(t.TempDir(), "csi.sock")
		listener, err := Listen(t.Context(), socket)
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		csi.RegisterIdentityServer(server, identity{answer: tt.answer})
		go func() { _ = server.Serve(listener) }()
		if err := Probe(t.Context(), socket); (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		server.Stop()
	}
	if err := Probe(t.Context(), "\x7f%zz"); err == nil {
		t.Error("no socket's path was probed")
	}
}

// TestServingEnds: a listener that is gone ends the server with an error, and so does one of the registration.
func TestServingEnds(t *testing.T) {
	closed := func(name string) net.Listener {
		t.Helper()
		listener, err := Listen(t.Context(), filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
		return listener
	}
	registry := prometheus.NewRegistry()
	server, err := NewServer(t.Context(), Config{Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), closed("csi.sock")); err == nil || !strings.HasPrefix(err.Error(), "serving on ") {
		t.Errorf("%v", err)
	}
	if _, err := NewServer(t.Context(), Config{Metrics: registry}); err == nil || !strings.HasPrefix(err.Error(), "registering the metrics") {
		t.Errorf("a second server of one process: %v", err)
	}
	r := &Registration{path: "/x", info: &registerapi.PluginInfo{}, listener: closed("reg.sock"), registered: make(chan struct{})}
	if err := r.Serve(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "serving on /x: ") {
		t.Errorf("%v", err)
	}
}

// TestReopeningEnds with its context.
func TestReopeningEnds(t *testing.T) {
	r := &Registration{path: filepath.Join(t.TempDir(), "missing", "reg.sock")}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r.reopen(ctx, &wait.Backoff{Duration: time.Millisecond}) {
		t.Error("it was opened")
	}
}

// TestNotifyWithoutTime: a kubelet that goes away is not waited for.
func TestNotifyWithoutTime(t *testing.T) {
	s := &registrationServer{info: &registerapi.PluginInfo{}, statuses: make(chan bool)}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if answer, err := s.NotifyRegistrationStatus(ended, &registerapi.RegistrationStatus{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestWithin(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	if !within(time.Minute, func() {}) || within(time.Millisecond, func() { <-never }) {
		t.Error("it reports what did not happen")
	}
}

// TestBuckets of the histogram of calls: the times that documents and alerts may name.
func TestBuckets(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := start(t, Config{Metrics: registry}, time.Minute)
	if _, err := csi.NewIdentityClient(r.conn).Probe(t.Context(), &csi.ProbeRequest{}); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var bounds []string
	for _, family := range families {
		if h := family.GetMetric()[0].GetHistogram(); h != nil {
			for _, bucket := range h.GetBucket() {
				bounds = append(bounds, fmt.Sprint(bucket.GetUpperBound()))
			}
		}
	}
	if want := "0.005 0.025 0.1 0.25 0.5 1 2.5 5 10 30 60 120 300"; strings.Join(bounds, " ") != want {
		t.Errorf("%v, want %s", bounds, want)
	}
}

// TestDiffersByCluster: a class without a cluster admits all.
func TestDiffersByCluster(t *testing.T) {
	found := volume.Volume{Name: "v", Cluster: strings.Repeat("a", 32), Durability: volume.DefaultDurability()}
	for clusters, want := range map[string]bool{"": false, strings.Repeat("a", 32): false, strings.Repeat("b", 32): true} {
		class := map[string]string{"volumetype": "replicate:3"}
		if clusters != "" {
			class["clusterid"] = clusters
		}
		if got := differs(found, nil, class); (got != "") != want {
			t.Errorf("clusterid %q: %q", clusters, got)
		}
	}
	if got := differs(found, nil, map[string]string{"volumetype": "five"}); got == "" {
		t.Error("a class that cannot be read differs in nothing")
	}
}

func TestExplainLogin(t *testing.T) {
	login := errors.Join(volume.ErrUnavailable, volume.ErrLogin)
	for _, tt := range []struct {
		err     error
		ignored []string
		want    bool
	}{{login, []string{"restuser"}, true}, {login, nil, false}, {volume.ErrUnavailable, []string{"restuser"}, false}, {nil, []string{"restuser"}, false}} {
		got := explainLogin(tt.err, tt.ignored)
		if !errors.Is(got, tt.err) || (got != nil && strings.Contains(got.Error(), "ignores")) != tt.want {
			t.Errorf("%v, %v: %v", tt.err, tt.ignored, got)
		}
	}
}

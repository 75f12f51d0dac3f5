package driver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestNamesOfVolumes: the CSI spec bans control characters except tab, newline and carriage return.
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

// TestPageSizes: a page has as many items as fit, and at least one.
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

// TestEmptyPages: an empty page has no token, since a token is the id of the page's last volume.
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

// moreProvisioner returns empty pages, and reports that there are more.
type moreProvisioner struct{ fakeProvisioner }

func (*moreProvisioner) List(context.Context, string, int) ([]volume.Volume, bool, error) {
	return nil, true, nil
}

func (*moreProvisioner) ListHealth(context.Context, string, int) ([]volume.Health, bool, error) {
	return nil, true, nil
}

// TestServingEnds: a closed listener ends the server with an error.
func TestServingEnds(t *testing.T) {
	listener, err := unixsocket.Listen(t.Context(), filepath.Join(t.TempDir(), "csi.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	registry := prometheus.NewRegistry()
	server, err := NewServer(t.Context(), Config{Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), listener); err == nil || !strings.HasPrefix(err.Error(), "serving on ") {
		t.Errorf("%v", err)
	}
	if _, err := NewServer(t.Context(), Config{Metrics: registry}); err == nil || !strings.HasPrefix(err.Error(), "registering the metrics") {
		t.Errorf("a second server of one process: %v", err)
	}
}

func TestWithin(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	if !within(time.Minute, func() {}) || within(time.Millisecond, func() { <-never }) {
		t.Error("it reports what did not happen")
	}
}

// TestBuckets: the histogram of calls has the bounds that documents and alerts may use.
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

// TestDiffersByCluster: a class without a cluster accepts all.
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

package fuseclient

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestStats(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.mustPublish("target")
	want := mount.Stats{
		TotalBytes: 4096 * 1000, UsedBytes: 4096 * 400, AvailableBytes: 4096 * 500,
		TotalInodes: 100, UsedInodes: 60, AvailableInodes: 40,
	}
	for _, name := range []string{"staging", "target"} {
		if got, err := n.Stats(t.Context(), "id-vol", n.path(name)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	foreign := n.mkdir("foreign")
	if err := unix.Mount("tmpfs", foreign, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{n.path("missing"), n.path("missing/target"), n.mkdir("plain"), foreign} {
		if _, err := n.Stats(t.Context(), "id-vol", path); !errors.Is(err, mount.ErrNotMounted) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := n.Stats(t.Context(), "id-other", n.path("target")); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("another volume: %v", err)
	}
}

// TestStatsOfAnUnknownVolume: the error does not advise to publish again, because that would not help for an unknown volume whose
// client has ended.
func TestStatsOfAnUnknownVolume(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	if err := n.forget("id-vol"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Stats(t.Context(), "id-vol", n.path("staging")); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("got %v", err)
	}
}

func TestStatsOfBrokenVolumes(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(n *node, r record)
		kind    error
		text    string
	}{
		"dead":        {func(n *node, r record) { n.kill(r) }, mount.ErrUnavailable, "has ended"},
		"bricks away": {func(n *node, r record) { n.bricksAway(r) }, mount.ErrUnavailable, "bricks of volume id-vol do not answer"},
		"hung":        {func(n *node, r record) { n.stop(r) }, mount.ErrTimeout, "does not answer"},
		"old bind": {func(n *node, r record) {
			n.kill(r)
			n.stage()
		}, mount.ErrUnavailable, "publishing the volume again"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			c.prepare(n, r)
			_, err := n.Stats(t.Context(), "id-vol", n.path("target"))
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

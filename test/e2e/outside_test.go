package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// gluster runs the gluster command on a storage node.
func gluster(t *testing.T, args ...string) string {
	t.Helper()
	out, err := outside.Gluster(t.Context(), cluster.Lab().Storage(1), args...)
	ok(t, err)
	return out
}

// glusterVolume is a volume as gluster describes it.
type glusterVolume struct{ outside.GlusterVolume }

// mustGluster returns a volume, and fails the test unless the volume exists and is started.
func mustGluster(t *testing.T, name string) glusterVolume {
	t.Helper()
	found, err := outside.InGluster(t.Context(), cluster.Lab(), name)
	ok(t, err)
	if len(found) != 1 || found[0].Status != "Started" {
		t.Fatalf("gluster has %+v with the name %q, want one started volume", found, name)
	}
	return glusterVolume{found[0]}
}

// bricks returns the directories of the bricks as the host sees them.
func (v glusterVolume) bricks(t *testing.T) []string {
	t.Helper()
	paths, err := outside.BrickPaths(t.Context(), cluster.Lab(), v.GlusterVolume)
	ok(t, err)
	if len(paths) != len(v.Bricks) {
		t.Fatalf("%v: not all are on machines that run", v.Bricks)
	}
	return paths
}

// onBricks checks that all bricks of a volume have a file with this content.
func onBricks(t *testing.T, volume, file, content string) {
	t.Helper()
	v := mustGluster(t, volume)
	found, err := outside.OnBricks(t.Context(), cluster.Lab(), v.GlusterVolume, file)
	ok(t, err)
	if want := slices.Repeat([]string{content}, len(v.Bricks)); !slices.Equal(found, want) {
		t.Errorf("%s is on the bricks as %q, want %q", file, found, want)
	}
}

// inHeketi returns the volumes with a name that a Heketi has, finished or not.
func inHeketi(t *testing.T, h *lab.Heketi, name string) []outside.HeketiVolume {
	t.Helper()
	found, err := outside.InHeketi(t.Context(), h, name)
	ok(t, err)
	return found
}

// heketiVolumes returns all volumes that Heketi has, finished or not.
func heketiVolumes(t *testing.T, h *lab.Heketi) []outside.HeketiVolume {
	t.Helper()
	all, err := outside.HeketiVolumes(t.Context(), h)
	ok(t, err)
	return all
}

// nowhere checks that nothing of a volume is left in Heketi, gluster, the bricks and the nodes.
func nowhere(t *testing.T, volume string, bricks []string) {
	t.Helper()
	left, err := outside.Left(t.Context(), cluster.Lab(), volume, bricks)
	ok(t, err)
	for _, found := range left {
		t.Error(found)
	}
	if len(bricks) == 0 {
		t.Error("no bricks to look at")
	}
	for i := 1; i <= lab.ClientNodes; i++ {
		eventually(t, func() error {
			if found := clients(t, i, volume); len(found) > 0 {
				return fmt.Errorf("node %d still has the clients %q", i, found)
			}
			return nil
		})
	}
}

// clients returns a node's FUSE clients of a gluster volume.
func clients(t *testing.T, node int, volume string) []outside.Client {
	t.Helper()
	found, err := outside.Clients(t.Context(), cluster.Node(node).Machine, volume)
	ok(t, err)
	return found
}

package fuseclient

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// tell sets the state that the client of the volume "bricks" reports for each of three bricks; "1" means connected. up is the
// state of their replica set.
func (n *node) tell(a, b, c, up string) {
	n.t.Helper()
	meta := mounttest.Meta(map[string]string{"a": a, "b": b, "c": c}, map[string]string{"r-0": up}, map[string][]string{"r-0": {"a", "b", "c"}})
	if err := errors.Join(os.RemoveAll(filepath.Join(n.cfg.StateDir, "graphs")), os.CopyFS(n.cfg.StateDir, meta)); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) stageBricks() record {
	n.t.Helper()
	if err := n.Stage(n.t.Context(), source("bricks"), n.path("staging")); err != nil {
		n.t.Fatal(err)
	}
	r, ok := n.record("id-bricks")
	if !ok {
		n.t.Fatal("no record of the volume")
	}
	return r
}

func (n *node) wantBricks(down []string, lost bool, root error) {
	n.t.Helper()
	got, err := n.Health(n.t.Context(), "id-bricks", n.path("staging"))
	if err != nil {
		n.t.Fatal(err)
	}
	slices.Sort(got.Down)
	if got.Bricks != 3 || !slices.Equal(got.Down, down) || got.Lost != lost || !errors.Is(got.Root, root) || got.Hung || got.Ended {
		n.t.Errorf("%+v; want 3 bricks, down %q, lost %t, and root %v", got, down, lost, root)
	}
}

// TestHealthReportsBricks: the bricks are reported even when none can be reached, because .meta is open from the client's start.
func TestHealthReportsBricks(t *testing.T) {
	n := newNode(t)
	n.cfg.Health = true
	n.tell("1", "0", "1", "1")
	r := n.stageBricks()
	n.bricksAway(r)
	n.wantBricks([]string{"10.0.0.1:/b/b/brick"}, false, mount.ErrUnavailable)
	n.tell("0", "0", "1", "0")
	n.wantBricks([]string{"10.0.0.1:/b/a/brick", "10.0.0.1:/b/b/brick"}, true, mount.ErrUnavailable)
}

// TestHealthOpensMeta: if a client was started without a need for .meta, the first call of Health opens it.
func TestHealthOpensMeta(t *testing.T) {
	n := newNode(t)
	n.tell("1", "1", "0", "1")
	r := n.stageBricks()
	if n.metas.get(r) != nil {
		t.Error("without a need, .meta is kept open")
	}
	n.wantBricks([]string{"10.0.0.1:/b/c/brick"}, false, nil)
	n.bricksAway(r)
	n.wantBricks([]string{"10.0.0.1:/b/c/brick"}, false, mount.ErrUnavailable)
}

// TestStageFromNoSubdirectory: a bind of a part of the volume, such as a pod's subPath, is not used for the staging path, which
// needs the whole volume.
func TestStageFromNoSubdirectory(t *testing.T) {
	n := newNode(t)
	r := n.stageBricks()
	if err := errors.Join(
		unix.Mount(n.path("staging/"+metaName(r.Process)), n.mkdir("sub"), "", unix.MS_BIND, ""), unix.Unmount(n.path("staging"), 0),
	); err != nil {
		t.Fatal(err)
	}
	if again := n.stageBricks(); again.Process == r.Process {
		t.Error("the client was bound again, and only a part of the volume is mounted anywhere")
	}
	if top, err := mount.Top(n.path("staging")); err != nil || top == nil || top.Root != "/" {
		t.Errorf("%+v, %v", top, err)
	}
}

// TestStageFromNoHiddenMount: a mount that is hidden below another one is not cloned, because its path leads to the other one.
func TestStageFromNoHiddenMount(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mkdir("pod")
	n.mustPublish("pod/target")
	if err := errors.Join(
		unix.Mount("tmpfs", n.path("pod"), "tmpfs", 0, ""), os.Mkdir(n.path("pod/target"), 0o755), unix.Unmount(n.path("staging"), 0),
	); err != nil {
		t.Fatal(err)
	}
	if again := n.stage(); again.Process == r.Process || answers(n.path("staging")) != nil {
		t.Errorf("the same client: %t, it answers: %v", again.Process == r.Process, answers(n.path("staging")))
	}
}

package fuseclient

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestPublishAgain(t *testing.T) {
	for _, volumeReadOnly := range []bool{false, true} {
		n := newNode(t)
		var flags []string
		if volumeReadOnly {
			flags = []string{"ro"}
		}
		if err := n.Stage(t.Context(), source("vol", flags...), n.path("staging")); err != nil {
			t.Fatal(err)
		}
		n.mustPublish("target")
		n.mustPublish("target")
		if err := n.publish("readonly", true); err != nil {
			t.Fatal(err)
		}
		if n.layers("target") != 1 || n.layers("readonly") != 1 {
			t.Errorf("mounts: %q", mountsBelow(t, n.kubelet))
		}
		if volumeReadOnly {
			continue // both targets are the same then
		}
		if err := n.publish("target", true); !errors.Is(err, mount.ErrConflict) {
			t.Errorf("read-only where it is writable: %v", err)
		}
		if err := n.publish("readonly", false); !errors.Is(err, mount.ErrConflict) {
			t.Errorf("writable where it is read-only: %v", err)
		}
	}
}

func TestPublishReadOnly(t *testing.T) {
	n := newNode(t)
	n.stage()
	if err := n.publish("readonly", true); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(n.path("readonly/dir"), 0o755); !errors.Is(err, unix.EROFS) {
		t.Errorf("write through a read-only publish: %v", err)
	}
	if err := os.Mkdir(n.path("staging/dir"), 0o755); errors.Is(err, unix.EROFS) {
		t.Errorf("the staging path became read-only, too: %v", err)
	}
}

func TestPublishNeedsStage(t *testing.T) {
	n := newNode(t)
	if err := n.publish("target", false); !errors.Is(err, mount.ErrNotStaged) {
		t.Errorf("nothing staged: %v", err)
	}
	n.stage()
	for _, staging := range []string{n.path("elsewhere"), n.path("missing/staging")} {
		err := n.Publish(t.Context(), mount.Publication{VolumeID: "id-vol", StagingPath: staging, TargetPath: n.path("target")})
		if !errors.Is(err, mount.ErrNotStaged) {
			t.Errorf("staging path %s: %v", staging, err)
		}
	}
	if _, err := os.Stat(n.path("target")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused publish left its target: %v", err)
	}
}

func TestPublishRefusesTargets(t *testing.T) {
	n := newNode(t)
	n.stage()
	foreign, data := n.mkdir("foreign"), filepath.Join(n.mkdir("full"), "data")
	deadFUSE(t, n.mkdir("dead"), "fuse.sshfs")
	if err := errors.Join(
		os.WriteFile(data, []byte("x"), 0o600),
		os.Symlink(n.mkdir("empty"), n.path("link")),
		unix.Mount("tmpfs", foreign, "tmpfs", 0, ""),
	); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]error{
		"full": mount.ErrInvalid, "full/data": mount.ErrInvalid, "link": mount.ErrInvalid, "missing/target": mount.ErrInvalid,
		"foreign": mount.ErrConflict,
		"dead":    mount.ErrConflict,
	} {
		if err := n.publish(target, false); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", target, err, want)
		}
	}
	if got, err := os.ReadFile(data); string(got) != "x" {
		t.Errorf("data in a target: %q, %v", got, err)
	}
}

func TestPublishDoesNotHideAnotherVolume(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.mustPublish("target")
	staging2 := n.mkdir("staging2")
	if err := n.Stage(t.Context(), source("vol2"), staging2); err != nil {
		t.Fatal(err)
	}
	p := mount.Publication{VolumeID: "id-vol2", StagingPath: staging2, TargetPath: n.path("target")}
	if err := n.Publish(t.Context(), p); !errors.Is(err, mount.ErrConflict) || !strings.Contains(err.Error(), "volume id-vol is mounted at") {
		t.Errorf("publish over another volume: %v", err)
	}
	if err := n.Unpublish(t.Context(), "id-vol2", n.path("target")); !errors.Is(err, mount.ErrInvalid) {
		t.Errorf("unpublish another volume: %v", err)
	}
	if err := n.Unstage(t.Context(), "id-vol2", n.path("staging")); !errors.Is(err, mount.ErrInvalid) {
		t.Errorf("unstage another volume: %v", err)
	}
	if n.layers("target") != 1 || n.layers("staging") != 1 {
		t.Errorf("mounts: %q", mountsBelow(t, n.kubelet))
	}
}

func TestPublishReplacesDeadBind(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			n := newNode(t)
			if err := unix.Mount(n.kubelet, n.kubelet, "", unix.MS_BIND, ""); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Unmount(n.kubelet, unix.MNT_DETACH) })
			if err := unix.Mount("", n.kubelet, "", unix.MS_SHARED, ""); err != nil {
				t.Fatal(err)
			}
			dead := n.stage()
			n.mustPublish("target")
			if err := n.publish("readonly", true); err != nil {
				t.Fatal(err)
			}
			n.kill(dead)
			// No stage in between: for the orchestrator, the volume is staged.
			n.mustPublish("target")
			r := n.known()
			if r.Process == dead.Process {
				t.Error("no new client")
			}
			if _, err := n.Stats(t.Context(), "id-vol", n.path("readonly")); !errors.Is(err, mount.ErrUnavailable) {
				t.Errorf("a target that was not published again: %v", err)
			}
			if err := n.publish("readonly", true); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"staging", "target", "readonly"} {
				if err := answers(n.path(name)); err != nil || n.layers(name) != layers {
					t.Errorf("%s: %d layers, want %d; top answers %v", name, n.layers(name), layers, err)
				}
				if top, err := mount.Top(n.path(name)); err != nil || mount.IsReadOnly(top) != (name == "readonly") {
					t.Errorf("%s: %+v, %v", name, top, err)
				}
			}
			for _, name := range []string{"target", "readonly"} {
				if err := n.Unpublish(t.Context(), "id-vol", n.path(name)); err != nil || n.layers(name) > 0 {
					t.Errorf("unpublish: %v; %d layers are left at %s", err, n.layers(name), name)
				}
			}
			if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil || n.layers("staging") > 0 {
				t.Errorf("unstage: %v; %d layers are left", err, n.layers("staging"))
			}
		})
	}
}

func TestPublishKeepsBindThatWaitsForBricks(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	n.bricksAway(r)
	before, err := mount.Top(n.path("target"))
	if err != nil {
		t.Fatal(err)
	}
	n.mustPublish("target")
	n.mustPublish("second")
	if after, err := mount.Top(n.path("target")); err != nil || after.ID != before.ID {
		t.Errorf("the bind was replaced: %v", err)
	}
	// The same for a client whose record is lost.
	if err := n.forget("id-vol"); err != nil {
		t.Fatal(err)
	}
	if again := n.stage(); again.Process != r.Process {
		t.Error("a client that waits for bricks was replaced")
	}
}

func TestTargetMode(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.mustPublish("target")
	if err := unix.Unmount(n.path("target"), unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(n.kubelet, "target"))
	if err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("%v, %v", info, err)
	}
}

package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestUnpublishAndUnstage: a volume can be unpublished and unstaged in every state of its client.
func TestUnpublishAndUnstage(t *testing.T) {
	for name, prepare := range map[string]func(n *node, r record){
		"healthy":     func(*node, record) {},
		"dead":        func(n *node, r record) { n.kill(r) },
		"hung":        func(n *node, r record) { n.stop(r) },
		"bricks away": func(n *node, r record) { n.bricksAway(r) },
		"layers": func(n *node, _ record) {
			for range 3 {
				if err := unix.Mount(n.path("staging"), n.path("target"), "", unix.MS_BIND, ""); err != nil {
					n.t.Fatal(err)
				}
			}
		},
		"no record": func(n *node, _ record) {
			if err := n.forget("id-vol"); err != nil {
				n.t.Fatal(err)
			}
		},
		"unmounted by hand": func(n *node, _ record) {
			if err := errors.Join(unix.Unmount(n.path("target"), 0), unix.Unmount(n.path("staging"), 0)); err != nil {
				n.t.Fatal(err)
			}
		},
		"directory gone": func(n *node, _ record) {
			if err := errors.Join(unix.Unmount(n.path("target"), 0), os.Remove(n.path("target"))); err != nil {
				n.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			prepare(n, r)
			if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
				t.Error(err)
			}
			if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
				t.Error(err)
			}
			n.ending.Wait()
			if _, err := os.Lstat(n.path("target")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("target: %v", err)
			}
			if left := mountsBelow(t, n.kubelet); len(left) > 0 {
				t.Errorf("mounts left: %q", left)
			}
			waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
			if left := n.files(); left != "" {
				t.Errorf("files left: %s", left)
			}
		})
	}
}

func TestUnpublishKeepsWhatIsNotOurs(t *testing.T) {
	n := newNode(t)
	foreign, full := n.mkdir("foreign"), n.mkdir("full")
	if err := errors.Join(
		unix.Mount("tmpfs", foreign, "tmpfs", 0, ""),
		os.WriteFile(n.path("full/data"), []byte("x"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if err := n.Unpublish(t.Context(), "id-vol", foreign); !errors.Is(err, mount.ErrInvalid) {
		t.Errorf("a foreign mount: %v", err)
	}
	if err := n.Unpublish(t.Context(), "id-vol", full); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a directory with data: %v", err)
	}
	if err := n.Unpublish(t.Context(), "id-vol", n.path("full/data")); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a file: %v", err)
	}
	if n.layers("foreign") != 1 {
		t.Error("a foreign mount was unmounted")
	}
	if got, err := os.ReadFile(n.path("full/data")); string(got) != "x" {
		t.Errorf("data: %q, %v", got, err)
	}
}

func TestUnpublishOfNothing(t *testing.T) {
	n := newNode(t)
	for _, path := range []string{n.path("missing"), n.path("missing/target")} {
		if err := n.Unpublish(t.Context(), "id-vol", path); err != nil {
			t.Error(err)
		}
		if err := n.Unstage(t.Context(), "id-vol", path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"", "/", "relative"} {
		if err := n.Unpublish(t.Context(), "id-vol", path); !errors.Is(err, mount.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
		if err := n.Unstage(t.Context(), "id-vol", path); !errors.Is(err, mount.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestUnstageAtAnotherPathKeepsTheVolume(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if err := n.Unstage(t.Context(), "id-vol", n.mkdir("elsewhere")); err != nil {
		t.Error(err)
	}
	if again := n.stage(); again.Process != r.Process {
		t.Error("the client was ended")
	}
}

// TestSealedDirectories: directories of the kubelet that an administrator or another version of the driver made immutable can
// still be removed: Unpublish removes the target, and after Unstage the kubelet can remove the staging path.
func TestSealedDirectories(t *testing.T) {
	n := newNode(t)
	target := n.mkdir("target")
	mounttest.Seal(t, n.path("staging"))
	mounttest.Seal(t, target)
	n.stage()
	n.mustPublish("target")
	if err := n.Unpublish(t.Context(), "id-vol", target); err != nil {
		t.Error(err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("target: %v", err)
	}
	if err := unix.Rmdir(n.path("staging")); err != nil {
		t.Errorf("staging path: %v", err)
	}
}

// TestClientDirectoryIsSealed: a client's directory in the mount namespace of this process is immutable as long as it is in use.
func TestClientDirectoryIsSealed(t *testing.T) {
	n := newNode(t)
	mounttest.Seal(t, n.mkdir("probe"))
	_, _, err := n.attempt(t.Context(), source("vol"), n.path("staging"), func(context.Context) (mount.Reachable, error) {
		dirs, err := filepath.Glob(filepath.Join(n.cfg.StateDir, "clients", "*"))
		if err != nil || len(dirs) != 1 {
			t.Errorf("%v, %v", dirs, err)
		}
		for _, dir := range dirs {
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); !errors.Is(err, unix.EPERM) {
				t.Errorf("write into the client's directory: %v", err)
			}
		}
		return mount.Reachable{}, mount.ErrUnavailable
	})
	if !errors.Is(err, mount.ErrUnavailable) {
		t.Error(err)
	}
	if left := n.files(); left != "" {
		t.Errorf("files left: %s", left)
	}
}

// TestUnstageWhilePublished: a client that is still published when its volume is unstaged keeps serving, and ends with the last
// bind.
func TestUnstageWhilePublished(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if err := answers(n.path("target")); err != nil || !r.Process.alive() {
		t.Errorf("the bind answers %v", err)
	}
	if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Error(err)
	}
	waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
}

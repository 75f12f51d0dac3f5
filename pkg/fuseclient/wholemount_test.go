package fuseclient

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestOpenWhole: OpenWhole opens the volume's root for repairs even if every other mount of the volume is gone.
func TestOpenWhole(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stage()
	if err := unix.Unmount(n.path("staging"), unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	root, err := n.OpenWhole(t.Context(), "id-vol")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if at, err := mount.Identify(root); err != nil || at.Device != r.Device || !at.IsRoot {
		t.Errorf("%+v, %v", at, err)
	}
	tree, err := n.CloneIn("id-vol", root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if err := mount.AttachTree(int(tree.Fd()), r.Device, n.mkdir("repaired"), mount.Flags{}); err != nil {
		t.Fatal(err)
	}
	if err := answers(n.path("repaired")); err != nil {
		t.Error(err)
	}
	other := r
	other.Device.Minor++
	if _, err := n.openFresh(t.Context(), other); err == nil || !strings.Contains(err.Error(), "no longer has its first mount") {
		t.Errorf("for another device: %v", err)
	}
	other = r
	other.Process.Start--
	if _, err := n.openFresh(t.Context(), other); !errors.Is(err, errEnded) {
		t.Errorf("for another process with the number: %v", err)
	}
	if err := n.removeFirstMount(t.Context(), r.Process, n.freshPath(r)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.OpenWhole(t.Context(), "id-vol"); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("after its first mount was removed: %v", err)
	}
	n.kill(r)
	if _, err := n.OpenWhole(t.Context(), "id-vol"); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("for a client that has ended: %v", err)
	}
	if _, err := n.CloneIn("id-vol", root); !errors.Is(err, errEnded) {
		t.Errorf("in a client that has ended: %v", err)
	}
}

// TestOpenWholeOfASharedNamespace: in a shared mount namespace the first mount is removed at once, and a volume that is not
// staged has none.
func TestOpenWholeOfASharedNamespace(t *testing.T) {
	n := newNode(t)
	n.stage()
	for _, id := range []string{"id-vol", "id-other"} {
		if root, err := n.OpenWhole(t.Context(), id); !errors.Is(err, mount.ErrNotMounted) {
			t.Errorf("%s: %v, %v", id, root, err)
		}
	}
}

// TestStageFromTheFirstMount: if only the first mount is left, the client is bound again, and no second one is started.
func TestStageFromTheFirstMount(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stage()
	for range 2 {
		if err := unix.Unmount(n.path("staging"), unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if again := n.stage(); again.Process != r.Process || answers(n.path("staging")) != nil {
			t.Fatalf("another client: %t, it answers: %v", again.Process != r.Process, answers(n.path("staging")))
		}
	}
}

// TestFirstMountOfALostRecord: a client in use keeps its first mount for the rebuilt record; a client that is not used loses it.
func TestFirstMountOfALostRecord(t *testing.T) {
	for _, used := range []bool{true, false} {
		n, _ := newPlacedNode(t)
		r := n.stage()
		if !used {
			if err := unix.Unmount(n.path("staging"), unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
		}
		n.lose(nil)
		if used {
			n.mustPublish("target")
			if again := n.known(); again.Process != r.Process || !n.onFresh(again) {
				t.Errorf("the same client: %t, it has its first mount: %t", again.Process == r.Process, n.onFresh(again))
			}
		} else {
			waitFor(t, "the end of a client that is not used", func() bool { return !r.Process.alive() })
			if _, err := os.Lstat(n.freshPath(r)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its directory is left: %v", err)
			}
		}
		if n.Leftovers() != 0 {
			t.Errorf("in use: %t: leftovers: %q", used, n.leftovers)
		}
		if used {
			if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
				t.Error(err)
			}
			waitFor(t, "its end, once it is not needed", func() bool { return !r.Process.alive() })
		}
	}
}

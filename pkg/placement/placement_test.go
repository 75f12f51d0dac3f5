package placement

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// deadFUSE gives this process a /dev in which the FUSE device has no driver. Only tests under RunPrivate may use it.
func deadFUSE(t *testing.T) (restore func()) {
	t.Helper()
	devices := map[string]int{"fuse": int(unix.Mkdev(10, 251)), "null": int(unix.Mkdev(1, 3)), "zero": int(unix.Mkdev(1, 5)), "random": int(unix.Mkdev(1, 8)), "urandom": int(unix.Mkdev(1, 9))}
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for name, device := range devices {
		if err := unix.Mknod("/dev/"+name, unix.S_IFCHR|0o666, device); err != nil {
			t.Error(err)
		}
	}
	return func() {
		if err := unix.Unmount("/dev", unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNodeInDoubt: a node on which no client could be started is refused, and the attempt leaves nothing.
func TestNodeInDoubt(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	dir := stateDir(t)
	n := openNode(t, dir)
	if names, err := n.cgroups.names(n.cfg.Group); err != nil || len(names) > 0 {
		t.Errorf("left: %q, %v", names, err)
	}
	open := func() error {
		n, err := OpenNode(t.Context(), n.cfg)
		if n != nil {
			n.Close()
		}
		return err
	}
	before := mounttest.Descriptors(t)
	if err := open(); err != nil {
		t.Error(err)
	}
	restore := mounttest.HideProc(t)
	err := open()
	restore()
	if err == nil || !strings.Contains(err.Error(), "/proc/self/cgroup") {
		t.Errorf("without /proc: %v", err)
	}
	const says = "try to start a client outside of the container"
	restore = deadFUSE(t)
	err = open()
	restore()
	if err == nil || !strings.HasPrefix(err.Error(), says) || !strings.Contains(err.Error(), "/dev/fuse") {
		t.Errorf("without FUSE: %v", err)
	}
	if err := errors.Join(os.RemoveAll(dir + "/clients")); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("without a directory: %v", err)
	}
	if place, err := n.Prepare(Client{Name: "one"}); place != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a client without its directory: %v, %v", place, err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if names, err := n.cgroups.names(n.cfg.Group); err != nil || len(names) > 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// TestClientThatDoesNotRun: the client does not run in its copy.
func TestClientThatDoesNotRun(t *testing.T) {
	n := openNode(t, stateDir(t))
	binary, err := filepath.EvalSymlinks(n.tree.binary)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Open("/bin/false")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	copied, err := os.OpenFile(filepath.Join(n.tree.dir, binary), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(copied, other)
	if err := errors.Join(err, copied.Close()); err != nil {
		t.Fatal(err)
	}
	if err := n.try(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v", err)
	}
}

// TestFailuresOfCgroups: failures of cgroups are returned.
func TestFailuresOfCgroups(t *testing.T) {
	n := &Node{cfg: Config{Group: "top"}, tree: tree{dir: "/missing/1-x"}, cgroups: &cgroups{hierarchies: []hierarchy{ordinary(t, "pids", map[string]string{"top": "file"})}}}
	cmd := exec.CommandContext(t.Context(), "/bin/true")
	for name, err := range map[string]error{"start": n.StartBeside(cmd, "one"), "sweep": n.Sweep(), "remove": n.RemoveAll("")} {
		if !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if cmd.Process != nil {
		t.Error("it was started")
	}
	if err := n.RemoveOtherTrees(nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestPlaceWithoutAProcess: an unused place leaves only the cgroup, which can be removed.
func TestPlaceWithoutAProcess(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	n := openNode(t, stateDir(t))
	prepare := func() int {
		place, err := n.Prepare(Client{Name: "one"})
		if err != nil {
			t.Fatal(err)
		}
		if names, err := n.cgroups.names(n.cfg.Group); err != nil || len(names) != 1 {
			t.Errorf("cgroups %q, %v", names, err)
		}
		place.Close()
		if err := n.Remove("one"); err != nil {
			t.Error(err)
		}
		return mounttest.Descriptors(t)
	}
	before := prepare() // the first call opens descriptors that stay open
	if after := prepare(); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if names, err := n.cgroups.names(n.cfg.Group); err != nil || len(names) > 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// TestStartLeavesNoDescriptor: a start leaves no descriptor.
func TestStartLeavesNoDescriptor(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: openTestCgroups(t)}
	run := func() int {
		cmd := exec.CommandContext(t.Context(), "/bin/true")
		if err := n.StartBeside(cmd, "one"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(cmd.Wait(), n.Remove("one")); err != nil {
			t.Error(err)
		}
		return mounttest.Descriptors(t)
	}
	before := run() // the first call opens descriptors that stay open
	if after := run(); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

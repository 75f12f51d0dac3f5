package fuseclient

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// mountOver mounts a file system of another type.
func (n *node) mountOver(path, source string) {
	n.t.Helper()
	if err := unix.Mount(source, path, "tmpfs", 0, ""); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
}

// TestRebuildInDoubt: a record is rebuilt only from a mount and a client that are known to be the volume's.
func TestRebuildInDoubt(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if got, known, err := n.rebuild(t.Context(), "id-other", n.path("staging")); known || err != nil {
		t.Errorf("another volume's mount: %+v, %v", got, err)
	}
	if err := n.forget("id-vol"); err != nil {
		t.Fatal(err)
	}
	if got, known, err := n.rebuild(t.Context(), "id-vol", n.path("staging")); !known || err != nil || got.Process != r.Process {
		t.Errorf("%+v, %t, %v", got, known, err)
	}
	n.mountOver(n.path("staging"), "fake:/vol")
	if got, known, err := n.rebuild(t.Context(), "id-vol", n.path("staging")); known || err != nil {
		t.Errorf("a mount without a client: %+v, %v", got, err)
	}
	for source, name := range map[string]string{"dead": "another-source", "fake:/vol": "ended"} {
		dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		path := n.mkdir(name)
		if err := unix.Mount(source, path, mount.FSType, 0, mountData(dev)); err != nil {
			t.Fatal(err)
		}
		if name == "ended" {
			_ = unix.Close(dev)
		} else {
			defer unix.Close(dev)
		}
		if got, known, err := n.rebuild(t.Context(), "id-vol", path); known || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := errors.Join(n.Stage(t.Context(), source("odd"), n.mkdir("odd")), n.forget("id-odd")); err != nil {
		t.Fatal(err)
	}
	if got, known, err := n.rebuild(t.Context(), "id-odd", n.path("odd")); known || !errors.Is(err, unix.EIO) {
		t.Errorf("a client that may have ended: %+v, %t, %v", got, known, err)
	}
}

// TestRunningClients: only clients of the volume are returned, and no other process that has the device open.
func TestRunningClients(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if err := n.Stage(t.Context(), source("second"), n.mkdir("second")); err != nil {
		t.Fatal(err)
	}
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fuse.Close()
	if _, err := n.startAsker(exec.CommandContext(t.Context(), "/missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a process that asks: %v", err)
	}
	if found := runningClients(n.cfg.StateDir, ""); len(found) != 2 {
		t.Errorf("all: %+v", found)
	}
	if found := runningClients(n.cfg.StateDir, hash("id-vol")); len(found) != 1 || found[0].process != r.Process {
		t.Errorf("for one volume: %+v", found)
	}
}

// TestHoldsFUSE: only /dev/fuse counts.
func TestHoldsFUSE(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		mode   uint32
		device uint64
		want   bool
	}{
		"fuse": {unix.S_IFCHR, unix.Mkdev(10, 229), true}, "another minor": {unix.S_IFCHR, unix.Mkdev(10, 230), false},
		"another major": {unix.S_IFCHR, unix.Mkdev(11, 229), false}, "a block device": {unix.S_IFBLK, unix.Mkdev(10, 229), false}, "a file": {unix.S_IFREG, 0, false},
	} {
		path := filepath.Join(dir, name)
		if err := unix.Mknod(path, tt.mode|0o600, int(tt.device)); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), path)
		cmd := exec.CommandContext(t.Context(), "sleep", "1000")
		cmd.ExtraFiles = []*os.File{file}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		if got := holdsFUSE(process{PID: cmd.Process.Pid}); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

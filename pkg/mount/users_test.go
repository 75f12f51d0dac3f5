package mount_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// inNamespace starts a process that has a private copy of this mount namespace until the test ends.
func inNamespace(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// TestInUse: mounts in the namespaces of other processes count, unless only the client is there.
func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "point")
	if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("source", path, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	dev := mount.DeviceOf(top(t, path))
	inUse := func(fsType string, client int) bool {
		t.Helper()
		used, err := mount.InUse(dev, fsType, client)
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	if !inUse("tmpfs", 0) {
		t.Error("a mount of this namespace does not count")
	}
	if inUse("tmp", 0) || inUse("ext4", 0) {
		t.Error("a mount of another type counts")
	}
	pid := inNamespace(t)
	if err := unix.Unmount(path, 0); err != nil {
		t.Fatal(err)
	}
	if !inUse("tmpfs", 0) {
		t.Error("a mount that only another process has does not count")
	}
	if inUse("tmpfs", pid) {
		t.Error("a mount that only the client has counts")
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil { // a zombie
		t.Fatal(err)
	}
	if inUse("tmpfs", 0) {
		t.Error("a mount of a process that has ended counts")
	}
}

// TestInUseInDoubt: where processes cannot be seen, the caller is told.
func TestInUseInDoubt(t *testing.T) {
	restore := mounttest.HideProc(t)
	used, err := mount.InUse(mount.Device{Minor: 1}, "tmpfs", 1)
	restore()
	if used || err == nil {
		t.Errorf("%t, %v", used, err)
	}
}

package mounttest

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Container starts a process that has a copy of this mount namespace and lives until the test ends. The parameter propagation is
// that of unshare(1), and applies to the mounts of the copy.
func Container(tb testing.TB, propagation string) (pid int) {
	tb.Helper()
	// unshare and the shell each execute the next program in the same process, so pid stays that of the process in the namespace.
	// Its output shows that the namespace exists.
	cmd := exec.CommandContext(tb.Context(), "unshare", "--mount", "--propagation", propagation, "/bin/sh", "-c", "echo started; exec sleep infinity") //nolint:gosec // only used by tests
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 100)); err != nil {
		tb.Fatal(err)
	}
	return cmd.Process.Pid
}

// Inside calls fn in the mount namespace of a process.
func Inside(tb testing.TB, pid int, fn func() error) {
	tb.Helper()
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := mount.InMountNamespace(pid, pidfd, fn); err != nil {
		tb.Fatal(err)
	}
}

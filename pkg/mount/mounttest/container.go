package mounttest

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Container starts a process with a copy of this mount namespace, which lives until the test ends. propagation is that of its
// mounts, in the words of unshare(1).
func Container(tb testing.TB, propagation string) (pid int) {
	tb.Helper()
	// exec replaces the shell, so the process is the one in the namespace, and its output comes from inside.
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

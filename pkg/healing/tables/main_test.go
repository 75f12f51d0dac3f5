package tables_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "leaderless" {
		leaderless()
	}
	os.Exit(mounttest.RunPrivate(m))
}

// leaderless ends the process's first thread and keeps the others, like a killed process with a thread that waits in the kernel.
func leaderless() {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	go leaderless() // on another thread
	select {}
}

// mountTmpfs mounts a tmpfs, which stands for the volume, at a new directory until the test ends.
func mountTmpfs(tb testing.TB, path string) mount.Device {
	tb.Helper()
	if err := errors.Join(os.MkdirAll(path, 0o755), unix.Mount("server:/volume", path, "tmpfs", 0, "")); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	dev, mounted, err := mount.DeviceAt(path)
	if err != nil || !mounted {
		tb.Fatal(mounted, err)
	}
	return dev
}

// beside starts another process in a process's mount namespace.
func beside(tb testing.TB, pid int, command ...string) (other int) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), command[0], command[1:]...)
	cmd.Dir = "/"
	mounttest.Inside(tb, pid, cmd.Start)
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// endProcess kills a child, which is not reaped before the test ends.
func endProcess(tb testing.TB, pid int) {
	tb.Helper()
	if err := errors.Join(unix.Kill(pid, unix.SIGKILL), unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)); err != nil {
		tb.Fatal(err)
	}
}

func scan(tb testing.TB, d mount.Device) []tables.Table {
	tb.Helper()
	found, err := tables.Scan([]mount.Device{d})
	if err != nil {
		tb.Fatal(err)
	}
	return found[d]
}

func points(mounts []tables.Mount) string {
	names := make([]string, len(mounts))
	for i, m := range mounts {
		names[i] = m.Point
	}
	return strings.Join(names, " ")
}

func start(tb testing.TB, pid int) uint64 {
	tb.Helper()
	p, err := mount.IdentifyProcess(pid)
	if err != nil {
		tb.Fatal(err)
	}
	return p.Start
}

func dir(tb testing.TB, elem ...string) string {
	tb.Helper()
	path := filepath.Join(elem...)
	if err := os.MkdirAll(path, 0o755); err != nil {
		tb.Fatal(err)
	}
	return path
}

package placement

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// namespaces holds the flags that make namespaces. CLONE_NEWTIME is a flag of clone3 only: clone has a signal in its place.
func namespaces() map[string]uintptr {
	return map[string]uintptr{
		"mount": unix.CLONE_NEWNS, "cgroup": unix.CLONE_NEWCGROUP, "UTS": unix.CLONE_NEWUTS, "IPC": unix.CLONE_NEWIPC, "user": unix.CLONE_NEWUSER,
		"PID": unix.CLONE_NEWPID, "network": unix.CLONE_NEWNET, "time": unix.CLONE_NEWTIME, "user and mount": unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
	}
}

// TestTakenOverClient: a client that was taken over makes no namespace, enters none, and mounts nothing. The filter cannot examine
// the flags of clone3, so the kernel has to refuse them.
func TestTakenOverClient(t *testing.T) {
	n := openNode(t, stateDir(t))
	inside(t, n, func() error {
		space, err := os.Open("/proc/1/ns/mnt")
		if err != nil {
			return err
		}
		defer space.Close()
		null, err := os.Open("/dev/null")
		if err != nil {
			return err
		}
		defer null.Close()
		gate, err := n.confine.apply(Client{})
		if err != nil {
			return err
		}
		gate.close()
		// The thread has more capabilities than the program that it starts.
		if err := mounttest.LoseRight(unix.CAP_SYS_ADMIN); err != nil {
			return err
		}
		// The kernel examines the cgroup, which is none, after the namespaces, so no process is made.
		clone3 := func(flags uintptr) error {
			cmd := exec.CommandContext(t.Context(), "/missing")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, UseCgroupFD: true, CgroupFD: int(null.Fd())}
			return cmd.Start()
		}
		if err := clone3(0); !errors.Is(err, unix.EBADF) {
			t.Errorf("clone3: %v, want %v", err, unix.EBADF)
		}
		for name, flags := range namespaces() {
			if err := clone3(flags); !errors.Is(err, unix.EPERM) {
				t.Errorf("clone3 with a %s namespace: %v, want %v", name, err, unix.EPERM)
			}
			if err := unix.Unshare(int(flags)); !errors.Is(err, unix.EPERM) {
				t.Errorf("unshare a %s namespace: %v, want %v", name, err, unix.EPERM)
			}
		}
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNS); !errors.Is(err, unix.EPERM) {
			t.Errorf("setns: %v, want %v", err, unix.EPERM)
		}
		for _, fsType := range []string{"proc", "tmpfs", "devtmpfs", "cgroup2"} {
			if err := unix.Mount("none", "/tmp", fsType, 0, ""); !errors.Is(err, unix.ENOSYS) {
				t.Errorf("mount %s: %v, want %v", fsType, err, unix.ENOSYS)
			}
		}
		return nil
	})
}

// TestKernelRefuses: the kernel refuses the same without the filter. The seccomp supervisor and the capability are two barriers.
func TestKernelRefuses(t *testing.T) {
	n := openNode(t, stateDir(t))
	inside(t, n, func() error {
		space, err := os.Open("/proc/1/ns/mnt")
		if err != nil {
			return err
		}
		defer space.Close()
		if err := mounttest.LoseRight(unix.CAP_SYS_ADMIN); err != nil {
			return err
		}
		cmd := exec.CommandContext(t.Context(), "/missing")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		for name, err := range map[string]error{
			"a user namespace": cmd.Start(), "a mount namespace": unix.Unshare(unix.CLONE_NEWNS), "setns": unix.Setns(int(space.Fd()), unix.CLONE_NEWNS),
			"mount": unix.Mount("none", "/tmp", "tmpfs", 0, ""), "unmount": unix.Unmount("/proc/sys", unix.MNT_DETACH),
			"remount": unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""),
		} {
			if !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %v, want %v", name, err, unix.EPERM)
			}
		}
		return nil
	})
}

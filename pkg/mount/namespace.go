package mount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// InMountNamespace calls fn on a thread that sees the files and mounts of a process, given the process's pid and pidfd. It
// returns the error of fn, or the reason why the thread cannot enter the process's namespace. The thread accesses the file system
// of the process's root directory: if that file system hangs, so does InMountNamespace.
func InMountNamespace(pid, pidfd int, fn func() error) error {
	root, err := RootOf(pid, pidfd)
	if err != nil {
		return err
	}
	defer root.Close()
	return InNamespaceOnly(pidfd, func() error {
		if err := errors.Join(unix.Fchdir(int(root.Fd())), unix.Chroot(".")); err != nil {
			return fmt.Errorf("enter the root directory %s: %w", root.Name(), err)
		}
		return fn()
	})
}

// RootOf opens the root directory of a process, given its pid and pidfd, without asking its file system.
func RootOf(pid, pidfd int) (*os.File, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "root")
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the root directory of process %d: %w", pid, err)
	}
	// If this fails, the process has ended, and the path may be that of another process with the same number.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// InNamespaceOnly is like InMountNamespace, for an fn that only uses files that are already open. The thread does not enter the
// process's root directory, so no file system can block it.
func InNamespaceOnly(pidfd int, fn func() error) error {
	return osthread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare the thread's directories: %w", err)
		}
		if err := unix.Setns(pidfd, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace: %w", err)
		}
		return fn()
	})
}

// OwnedHere reports whether a mount namespace, given its file in /proc, belongs to this process's user namespace. In a mount
// namespace of another user namespace, the kernel has locked the flags of the mounts that were copied into it. The flags of
// mounts that this process adds there would not be locked.
func OwnedHere(namespace string) (bool, error) {
	file, err := os.Open(namespace) //nolint:gosec // below /proc
	if err != nil {
		return false, err
	}
	defer file.Close()
	fd, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_USERNS)
	if errors.Is(err, unix.EPERM) {
		return false, nil // it belongs to a user namespace above this process's
	}
	if err != nil {
		return false, fmt.Errorf("user namespace of %s: %w", namespace, err)
	}
	defer unix.Close(fd)
	var owner, own unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &owner), unix.Stat("/proc/self/ns/user", &own)); err != nil {
		return false, err
	}
	return owner.Ino == own.Ino, nil
}

// CloneTree returns a copy of the topmost mount at a path. The copy is in no mount namespace until AttachTree attaches it.
func CloneTree(path string) (*os.File, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	return os.NewFile(uintptr(tree), path), nil
}

// DeviceAt returns the device at a path, and whether the path is a mount point. Like Top, it never asks a client. For the mounts of
// another process, use DeviceIn.
func DeviceAt(path string) (dev Device, mounted bool, err error) {
	at, err := identify(unix.AT_FDCWD, path)
	return at.Device, at.IsRoot, err
}

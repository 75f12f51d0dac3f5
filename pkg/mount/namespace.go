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

// InMountNamespace calls fn on a thread that sees the files and mounts of a process, which pidfd stands for. It returns the error
// of fn, or why the process could not be joined.
func InMountNamespace(pid, pidfd int, fn func() error) error {
	root, err := RootOf(pid, pidfd)
	if err != nil {
		return err
	}
	defer root.Close()
	return InMountNamespaceAt(root, pidfd, fn)
}

// RootOf opens the root directory of a process, which pidfd stands for, without asking its file system.
func RootOf(pid, pidfd int) (*os.File, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "root")
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the root directory of process %d: %w", pid, err)
	}
	// The process that has the number by now is another one, if this fails.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// InMountNamespaceAt is InMountNamespace with a root directory that has been opened before. The calls ask the file system of the root
// directory for permission.
func InMountNamespaceAt(root *os.File, pidfd int, fn func() error) error {
	return osthread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare the thread's directories: %w", err)
		}
		if err := unix.Setns(pidfd, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace of %s: %w", root.Name(), err)
		}
		if err := errors.Join(unix.Fchdir(int(root.Fd())), unix.Chroot(".")); err != nil {
			return fmt.Errorf("enter the root directory %s: %w", root.Name(), err)
		}
		return fn()
	})
}

// OwnedHere reports whether a mount namespace, by its file in /proc, belongs to this process's user namespace. In one that belongs to
// another, the flags of mounts that were copied into it are locked, and those of mounts made from outside would not be.
func OwnedHere(namespace string) (bool, error) {
	file, err := os.Open(namespace) //nolint:gosec // below /proc
	if err != nil {
		return false, err
	}
	defer file.Close()
	fd, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_USERNS)
	if errors.Is(err, unix.EPERM) {
		return false, nil // it is above this process's own
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

// CloneTree returns a copy of the mount that is on top at a path. It is in no mount namespace until it is attached, by AttachTree.
func CloneTree(path string) (*os.File, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	return os.NewFile(uintptr(tree), path), nil
}

// DeviceAt returns the device at a path, and whether the path is a mount point. Like Top, it never asks a client; unlike Top, it
// works for paths through /proc/PID/root.
func DeviceAt(path string) (dev Device, mounted bool, err error) {
	at, err := identify(unix.AT_FDCWD, path)
	return at.Device, at.IsRoot, err
}

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
	root, err := unix.Open(filepath.Join("/proc", strconv.Itoa(pid), "root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the root directory of process %d: %w", pid, err)
	}
	defer unix.Close(root)
	// The process that has the number by now is another one, if this fails.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return osthread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare the thread's directories: %w", err)
		}
		if err := unix.Setns(pidfd, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace of process %d: %w", pid, err)
		}
		if err := errors.Join(unix.Fchdir(root), unix.Chroot(".")); err != nil {
			return fmt.Errorf("enter the root directory of process %d: %w", pid, err)
		}
		return fn()
	})
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

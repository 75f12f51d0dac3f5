package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The functions below repair mounts in the namespaces of the processes that use them. They take files that were opened with
// O_PATH, and never ask a file system.

// OpenPath opens the topmost mount or file at path. It does not ask the file system there. The directories above path must be in
// file systems that certainly answer.
func OpenPath(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Identify returns the identity of an open file.
func Identify(file *os.File) (Identity, error) { return identify(int(file.Fd()), "") }

// CloneAt returns a copy of the mount that contains an open directory or file. The directory or file is the root of the copy,
// which does not include the mounts below. The mount must be in the calling thread's mount namespace. The copy is in no namespace
// until it is attached.
func CloneAt(file *os.File) (*os.File, error) {
	return cloneAt(file, 0)
}

// CloneAll is like CloneAt, but includes the mounts below.
func CloneAll(file *os.File) (*os.File, error) {
	return cloneAt(file, unix.AT_RECURSIVE)
}

func cloneAt(file *os.File, recursive uint) (*os.File, error) {
	fd, err := unix.OpenTree(int(file.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|recursive)
	if err != nil {
		return nil, &fs.PathError{Op: "open_tree", Path: file.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// Propagation of a mount that replaces another one.
const (
	Private = unix.MS_PRIVATE // in no peer group
	Slave   = unix.MS_SLAVE   // receives from the peer group of the mount that was copied
	Peer    = 0               // in the peer group of the mount that was copied

	Unchanged = 0 // for a mount that is not a copy
)

// CopyFlags gives a mount a propagation and the flags of another mount. The tree is a copied mount, or a mount in the calling
// thread's mount namespace. The options are the other mount's flags in the form of field 6 of mountinfo. Without CopyFlags, a
// copy has the flags of the mount that was copied.
func CopyFlags(tree *os.File, options string, propagation uint64) error {
	attr := unix.MountAttr{
		Attr_clr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
			unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR__ATIME,
		Attr_set: attributesOf(options), Propagation: propagation,
	}
	err := unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &attr)
	if errors.Is(err, unix.EINVAL) && attr.Attr_set&unix.MOUNT_ATTR_NOSYMFOLLOW == 0 {
		attr.Attr_clr &^= unix.MOUNT_ATTR_NOSYMFOLLOW // Linux before 5.14 refuses this flag
		err = unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &attr)
	}
	if err != nil {
		return &fs.PathError{Op: "mount_setattr", Path: tree.Name(), Err: err}
	}
	return nil
}

func attributesOf(options string) uint64 {
	attributes := map[string]uint64{
		"ro": unix.MOUNT_ATTR_RDONLY, "nosuid": unix.MOUNT_ATTR_NOSUID, "nodev": unix.MOUNT_ATTR_NODEV, "noexec": unix.MOUNT_ATTR_NOEXEC,
		"nodiratime": unix.MOUNT_ATTR_NODIRATIME, "nosymfollow": unix.MOUNT_ATTR_NOSYMFOLLOW, "noatime": unix.MOUNT_ATTR_NOATIME,
	}
	var set uint64
	atime := uint64(unix.MOUNT_ATTR_STRICTATIME) // mountinfo does not show this flag
	for option := range strings.SplitSeq(options, ",") {
		if option == "noatime" || option == "relatime" {
			atime = attributes[option] // relatime: 0
			continue
		}
		set |= attributes[option]
	}
	return set | atime
}

// Attach mounts the tree on an open directory or file that is not a mount point yet, in the calling thread's mount namespace.
func Attach(tree, at *os.File) error {
	if err := unix.MoveMount(int(tree.Fd()), "", int(at.Fd()), "", byFD); err != nil {
		return &fs.PathError{Op: "move_mount", Path: at.Name(), Err: err}
	}
	return nil
}

// Replace mounts the tree in place of the topmost mount, whose root is point, without uncovering the directory below. It reports
// whether the old mount still exists below the tree: see exchange.
func Replace(tree, point *os.File) (covered bool, err error) {
	known, err := Identify(point)
	if err == nil {
		covered, err = replace(int(tree.Fd()), int(point.Fd()), known.Mount)
	}
	return covered, wrapReplace(err, point)
}

// ReplaceInside is like Replace, for a thread in another mount namespace, see InMountNamespace. That namespace may have no /proc,
// so the caller first opens this process's /proc/self/fd and passes it as descriptors. ReplaceInside changes the thread's working
// directory.
func ReplaceInside(tree, point, descriptors *os.File) (covered bool, err error) {
	fd := int(point.Fd())
	detach := func() error { return detachInside(fd, descriptors) }
	covered, err = exchange(int(tree.Fd()), fd, detach, func() error { return makePrivate(fd) })
	return covered, wrapReplace(err, point)
}

// Detach unmounts the mount whose root is point, and no other.
func Detach(point *os.File) error {
	return wrapDetach(detach(int(point.Fd())), point)
}

// DetachInside is like Detach, for a thread in another mount namespace, see ReplaceInside.
func DetachInside(point, descriptors *os.File) error {
	return wrapDetach(detachInside(int(point.Fd()), descriptors), point)
}

// detach uses the file descriptor, because another mount may be the topmost at its path by now.
func detach(point int) error {
	return unix.Unmount(fmt.Sprintf("/proc/thread-self/fd/%d", point), unix.MNT_DETACH)
}

func detachInside(point int, descriptors *os.File) error {
	if err := unix.Fchdir(int(descriptors.Fd())); err != nil {
		return fmt.Errorf("enter /proc/self/fd: %w", err)
	}
	return unix.Unmount(strconv.Itoa(point), unix.MNT_DETACH)
}

func wrapDetach(err error, point *os.File) error {
	if err != nil {
		return fmt.Errorf("detach the mount at %s: %w", point.Name(), err)
	}
	return nil
}

func wrapReplace(err error, point *os.File) error {
	if err != nil {
		return fmt.Errorf("replace the mount at %s: %w", point.Name(), err)
	}
	return nil
}

package fusequery

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// The functions below block as long as the client does, so only the child process calls them.

// getattr asks the file system for the attributes of path, bypassing every cache, and returns the device that answered.
func getattr(path string) (mount.Device, error) {
	var st unix.Statx_t
	err := mount.Uninterrupted(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	})
	return mount.Device{Major: st.Dev_major, Minor: st.Dev_minor}, err
}

// clientEnded reports whether the client of the GlusterFS mount at path is gone for good. It blocks when the client hangs, but
// not when only the bricks are down: the client answers this attribute itself (glusterfs 10: ENODATA unless the option
// "capability" is given), and the kernel answers ENOTCONN for a client that is gone.
func clientEnded(path string, get func(path, name string, value []byte) (int, error)) (bool, error) {
	err := mount.Uninterrupted(func() error {
		_, err := get(path, "security.capability", make([]byte, 64))
		return err
	})
	switch {
	case errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ECONNABORTED):
		return true, nil
	case err == nil, errors.Is(err, unix.ENODATA), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ERANGE):
		return false, nil
	}
	return false, fmt.Errorf("ask the client at %s: %w", path, err)
}

// clientEndedAt is like clientEnded, for an open file.
func clientEndedAt(file *os.File) (ended bool, err error) {
	err = control(file, func(path string) error {
		ended, err = clientEnded(path, unix.Getxattr)
		return err
	})
	return ended, err
}

// statfs returns the statistics of the file system at path, which must be on the device want. The same descriptor is compared and
// then used, because statistics of the node's own disk would be worse than none.
func statfs(path string, want mount.Device) (mount.Stats, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return mount.Stats{}, err
	}
	defer unix.Close(fd)
	if err := compareDevice(fd, path, want); err != nil {
		return mount.Stats{}, err
	}
	var st unix.Statfs_t
	if err := mount.Uninterrupted(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return mount.Stats{}, err
	}
	// If a file system has no fragments, the kernel sets Frsize to Bsize (fs/statfs.c).
	bytes := func(blocks uint64) int64 { return int64(blocks) * st.Frsize }
	return mount.Stats{
		TotalBytes: bytes(st.Blocks), UsedBytes: bytes(st.Blocks - st.Bfree), AvailableBytes: bytes(st.Bavail),
		TotalInodes: int64(st.Files), UsedInodes: int64(st.Files - st.Ffree), AvailableInodes: int64(st.Ffree),
	}, nil
}

// compareDevice returns ErrNotMounted if the descriptor is on another device. The kernel answers this without asking a client.
func compareDevice(fd int, path string, want mount.Device) error {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, 0, &st); err != nil {
		return &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	if (mount.Device{Major: st.Dev_major, Minor: st.Dev_minor}) != want {
		return &fs.PathError{Op: "open", Path: path, Err: mount.ErrNotMounted} // unmounted meanwhile
	}
	return nil
}

package mount

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Seal makes an empty directory immutable before a file system is mounted on it: if the mount is lost, not even root can write
// into the directory or remove it, until Unseal. Seal does nothing if the file system does not support the flag, or if this
// process may not set it.
func Seal(path string) error {
	err := setSealed(path, true)
	for _, cannot := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.EPERM} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	return err
}

// Unseal removes the immutable flag from a directory, even if it was not set by Seal. It leaves alone a path that does not exist,
// a mount point, and a directory that is not immutable; it does not access their file systems.
func Unseal(path string) error {
	at, err := identify(unix.AT_FDCWD, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case at.IsRoot || !at.IsSealed:
		return nil
	}
	return setSealed(path, false)
}

// immutable is FS_IMMUTABLE_FL, which x/sys/unix does not define.
const immutable = 0x10

func setSealed(path string, sealed bool) error {
	point, err := OpenPath(path)
	if err != nil {
		return err
	}
	defer point.Close()
	// Open it through the descriptor, because a file system may be mounted at the path by now.
	fd, err := unix.Openat(int(point.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err == nil {
		if sealed {
			flags |= immutable
		} else {
			flags &^= immutable
		}
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags))
	}
	if err != nil {
		return fmt.Errorf("change the immutable flag of %s: %w", path, err)
	}
	return nil
}

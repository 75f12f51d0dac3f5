package mount

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Seal makes an empty directory immutable before something is mounted on it: should the mount go, not even root can write into the
// directory, nor remove it, until Unseal. It does nothing where the file system has no such flag, or this process may not set it.
func Seal(path string) error {
	err := setSealed(path, true)
	for _, cannot := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.EPERM} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	return err
}

// Unseal undoes Seal, whoever has made the directory immutable. A path that does not exist, a mount point, and a directory that is not
// immutable are left as they are; no file system is asked about those.
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

// immutable is FS_IMMUTABLE_FL. Not in x/sys/unix.
const immutable = 0x10

func setSealed(path string, sealed bool) error {
	point, err := OpenPath(path)
	if err != nil {
		return err
	}
	defer point.Close()
	// By descriptor, because something may be mounted at the path by now.
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

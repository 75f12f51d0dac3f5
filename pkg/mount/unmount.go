package mount

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// maxLayers is how many stacked mounts Unmount removes from one path.
const maxLayers = 100

// Unmount removes all mounts stacked at path. It calls the function mine before it removes each mount, and stops with the first
// error that mine returns. It needs no answer from a client: the mounts leave the mount tree at once, and end when they are no
// longer used. A path that does not exist or is not a mount point counts as success.
func Unmount(path string, mine func(*mountinfo.Info) error) error {
	for range maxLayers {
		top, err := Top(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && top == nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := mine(top); err != nil {
			return err
		}
		err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
	return fmt.Errorf("unmount %s: still mounted after %d layers were removed", path, maxLayers)
}

// RemoveDir removes an empty directory, even a sealed one, that is not a mount point. It never removes data, because rmdir(2)
// refuses to. A path that does not exist counts as success.
func RemoveDir(path string) error {
	err := unix.Rmdir(path)
	if errors.Is(err, unix.EPERM) && Unseal(path) == nil {
		err = unix.Rmdir(path)
	}
	if errors.Is(err, unix.EROFS) { // returned before the path is looked up
		if _, missing := identify(unix.AT_FDCWD, path); errors.Is(missing, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}

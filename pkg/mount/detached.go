package mount

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Detached mounts a file system of a type that needs no device, without attaching it to a path, so that it is invisible to other
// processes. configure, which may be nil, gets the context of fsopen(2).
func Detached(kind string, configure func(context int) error) (*os.File, error) {
	context, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen %s: %w", kind, err)
	}
	defer unix.Close(context)
	if configure != nil {
		if err := configure(context); err != nil {
			return nil, err
		}
	}
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, fmt.Errorf("fsconfig create: %w", err)
	}
	fd, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsmount %s: %w", kind, err)
	}
	return os.NewFile(uintptr(fd), kind), nil
}

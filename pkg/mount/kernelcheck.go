package mount

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// CheckKernel returns an error if this kernel lacks the calls that Bind needs (Linux 5.12).
func CheckKernel() error {
	err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("mount_setattr: %w; Linux 5.12 or newer and CAP_SYS_ADMIN are needed", err)
	}
	return nil
}

package mount

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Uninterrupted repeats a system call until it is not interrupted by a signal, and returns its error.
func Uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

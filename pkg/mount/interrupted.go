package mount

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Uninterrupted makes a system call until no signal has interrupted it, and returns its error.
func Uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

package mount

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUninterrupted: a call that was interrupted by a signal is repeated.
func TestUninterrupted(t *testing.T) {
	calls := 0
	err := Uninterrupted(func() error {
		if calls++; calls < 3 {
			return unix.EINTR
		}
		return unix.ENOENT
	})
	if calls != 3 || !errors.Is(err, unix.ENOENT) {
		t.Errorf("%d calls, %v", calls, err)
	}
}

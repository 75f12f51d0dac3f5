package mount

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUninterrupted: a call that a signal has interrupted is made again.
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

package mounttest

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// WithoutMountRights calls f on a thread that may not mount, as in a container that is not privileged.
func WithoutMountRights(tb testing.TB, f func()) {
	tb.Helper()
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever, so that the thread ends with this function
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var rights [2]unix.CapUserData
		err := unix.Capget(&header, &rights[0])
		if err == nil {
			rights[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
			err = unix.Capset(&header, &rights[0])
		}
		if err == nil {
			f()
		}
		ended <- err
	}()
	if err := <-ended; err != nil {
		tb.Fatal(err)
	}
}

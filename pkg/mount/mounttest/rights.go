package mounttest

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// WithoutRight calls f on a thread that lacks a capability, as in a container without privileges. Mounting needs CAP_SYS_ADMIN,
// and inspecting other processes needs CAP_SYS_PTRACE.
func WithoutRight(tb testing.TB, capability int, f func()) {
	tb.Helper()
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with this function
		err := LoseRight(capability)
		if err == nil {
			f()
		}
		ended <- err
	}()
	if err := <-ended; err != nil {
		tb.Fatal(err)
	}
}

// LoseRight takes a capability from the calling thread, which must be one that ends (package osthread).
func LoseRight(capability int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var rights [2]unix.CapUserData
	if err := unix.Capget(&header, &rights[0]); err != nil {
		return err
	}
	rights[0].Effective &^= 1 << capability
	return unix.Capset(&header, &rights[0])
}

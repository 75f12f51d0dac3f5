package mounttest

import (
	"runtime"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest/beneath"
)

// Kernels are for tests of replacing mounts, which run once with each: as this kernel does it, and as one before Linux 6.5, which
// cannot mount beneath another mount. Each is called by the test, and returns the number of mounts at a path after one replacement.
func Kernels() map[string]func(testing.TB) (layers int) {
	return map[string]func(testing.TB) int{
		"beneath": func(tb testing.TB) int {
			tb.Helper()
			if beneath.Refused() {
				tb.Skip("Linux before 6.5")
			}
			return 1
		},
		"on top": func(tb testing.TB) int {
			tb.Helper()
			RefuseBeneath(tb)
			return 2
		},
	}
}

// RefuseBeneath makes this thread, and all that it starts, do without MOVE_MOUNT_BENEATH: the call fails with EINVAL, as on
// Linux before 6.5. The thread is the calling goroutine's until both end.
func RefuseBeneath(tb testing.TB) {
	tb.Helper()
	runtime.LockOSThread()
	if err := beneath.Refuse(); err != nil {
		tb.Fatal(err)
	}
	if !beneath.Refused() {
		tb.Fatal("MOVE_MOUNT_BENEATH is not refused")
	}
}

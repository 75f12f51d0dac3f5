package mounttest

import (
	"runtime"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest/beneath"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// Kernels returns the kernels for tests that replace mounts: the running kernel, and one that behaves like Linux before 6.5,
// which cannot mount beneath another mount. A test first calls the function of its kernel. The function returns the number of
// mounts at a path after one replacement.
func Kernels() map[string]func(testing.TB) (layers int) {
	return map[string]func(testing.TB) int{
		"beneath": func(tb testing.TB) int {
			tb.Helper()
			if beneath.Refused() {
				needs.Kernel(tb, "6.5", "to mount beneath another mount")
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

// RefuseBeneath disables MOVE_MOUNT_BENEATH for this thread and everything that it starts: the call fails with EINVAL, as on
// Linux before 6.5. It locks the calling goroutine to its thread until both end.
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

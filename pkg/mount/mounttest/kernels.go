package mounttest

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// moveMountBeneath is MOVE_MOUNT_BENEATH, Linux 6.5.
const moveMountBeneath = 0x200

// Kernels are for tests of replacing mounts, which run once with each: as this kernel does it, and as one before Linux 6.5, which
// cannot mount beneath another mount. Each is called by the test, and returns the number of mounts at a path after one replacement.
func Kernels() map[string]func(testing.TB) (layers int) {
	return map[string]func(testing.TB) int{
		"beneath": func(tb testing.TB) int {
			tb.Helper()
			if beneathRefused() {
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
	if err := refuseBeneath(); err != nil {
		tb.Fatal(fmt.Errorf("refuse MOVE_MOUNT_BENEATH (seccomp): %w", err))
	}
	if !beneathRefused() {
		tb.Fatal("MOVE_MOUNT_BENEATH is not refused")
	}
}

// beneathRefused reports whether the flag itself is refused, before the descriptors are looked at.
func beneathRefused() bool {
	return errors.Is(unix.MoveMount(-1, "", -1, "", moveMountBeneath), unix.EINVAL)
}

// refuseBeneath installs a filter on system calls: move_mount with the flag, its fifth argument, is answered with EINVAL.
func refuseBeneath() error {
	const (
		number   = 0        // in struct seccomp_data
		argument = 16 + 4*8 // the fifth, its lower half where numbers are little-endian, as on all that the driver is built for
		load     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		hasBits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		leave    = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: load, K: number},
		{Code: equal, K: unix.SYS_MOVE_MOUNT, Jf: 3},
		{Code: load, K: argument},
		{Code: hasBits, K: moveMountBeneath, Jf: 1},
		{Code: leave, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		{Code: leave, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter))) //nolint:gosec // the kernel's own structure
	if errno != 0 {
		return errno
	}
	return nil
}

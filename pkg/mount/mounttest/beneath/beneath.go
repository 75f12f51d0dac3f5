// Package beneath disables MOVE_MOUNT_BENEATH for a thread, to test the driver's behaviour on Linux before 6.5: move_mount(2)
// with this flag then fails with EINVAL. The caller needs CAP_SYS_ADMIN, and must lock its goroutine to the thread. Nothing
// enables the flag again, so the thread must not be used for anything else.
package beneath

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// flag is MOVE_MOUNT_BENEATH.
const flag = 0x200

// Refused reports whether the flag is disabled for the calling thread: the call then fails before its descriptors are checked.
func Refused() bool {
	return errors.Is(unix.MoveMount(-1, "", -1, "", flag), unix.EINVAL)
}

// Refuse disables MOVE_MOUNT_BENEATH for the calling thread and everything that it starts or executes: a seccomp filter makes
// move_mount fail with EINVAL if its fifth argument has that flag. The caller must have locked its goroutine to the thread.
func Refuse() error {
	const (
		number   = 0        // in struct seccomp_data
		argument = 16 + 4*8 // the lower half of the fifth argument; all platforms of the driver are little-endian
		load     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		hasBits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		leave    = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: load, K: number},
		{Code: equal, K: unix.SYS_MOVE_MOUNT, Jf: 3},
		{Code: load, K: argument},
		{Code: hasBits, K: flag, Jf: 1},
		{Code: leave, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		{Code: leave, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter))) //nolint:gosec // the kernel's own structure
	if errno != 0 {
		return fmt.Errorf("refuse MOVE_MOUNT_BENEATH (seccomp): %w", errno)
	}
	return nil
}

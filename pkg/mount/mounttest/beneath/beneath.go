// Package beneath makes a process do without MOVE_MOUNT_BENEATH, as on Linux before 6.5, to test what the driver does there.
package beneath

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// flag is MOVE_MOUNT_BENEATH.
const flag = 0x200

// Refused reports whether the calling thread does without the flag: the call then fails before its descriptors are looked at.
func Refused() bool {
	return errors.Is(unix.MoveMount(-1, "", -1, "", flag), unix.EINVAL)
}

// Refuse makes the calling thread, and all that it starts or executes, do without MOVE_MOUNT_BENEATH: a filter answers move_mount with
// the flag, in its fifth argument, with EINVAL. The caller has locked its goroutine to the thread.
func Refuse() error {
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

package mounttest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Descriptors returns how many descriptors this process has open.
func Descriptors(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries)
}

// LimitDescriptors allows this process to open only the given number of further descriptors, until restore is called.
func LimitDescriptors(tb testing.TB, more int) (restore func()) {
	tb.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		tb.Fatal(err)
	}
	limited := unix.Rlimit{Cur: uint64(limitFor(more)), Max: before.Max}
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limited, nil); err != nil {
		tb.Fatal(err)
	}
	return func() {
		tb.Helper()
		if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &before, nil); err != nil {
			tb.Fatal(err)
		}
	}
}

// limitFor returns the limit with which n descriptors are free.
func limitFor(n int) int {
	limit := 0
	for ; ; limit++ {
		if _, err := unix.FcntlInt(uintptr(limit), unix.F_GETFD, 0); err != nil {
			if n == 0 {
				return limit
			}
			n--
		}
	}
}

// HideProc hides /proc from this process, until restore is called. Only tests under RunPrivate may use it.
func HideProc(tb testing.TB) (restore func()) {
	tb.Helper()
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""); err != nil {
		tb.Fatal(err)
	}
	return func() {
		tb.Helper()
		if err := unix.Unmount("/proc", unix.MNT_DETACH); err != nil {
			tb.Fatal(err)
		}
	}
}

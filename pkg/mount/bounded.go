package mount

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Within runs fn in its own goroutine and returns its result, or ErrTimeout when limit or ctx end first; fn then goes
// on alone, because a system call that waits for a FUSE client cannot be taken back. Callers keep the number of such
// calls per volume at one.
func Within[T any](ctx context.Context, limit time.Duration, fn func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := fn()
		done <- result{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
		return none, fmt.Errorf("%w after %s", ErrTimeout, limit)
	case <-ctx.Done():
		return none, fmt.Errorf("%w: %w", ErrTimeout, context.Cause(ctx))
	}
}

// Getattr asks the file system for the attributes of path, past every cache, and returns which device has answered.
// It blocks as long as the client does.
func Getattr(path string) (Device, error) {
	var st unix.Statx_t
	err := retry(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	})
	return Device{st.Dev_major, st.Dev_minor}, err
}

// ClientEnded tells whether the client of the GlusterFS mount at path is gone for good. It blocks when the client
// hangs, but not when only the bricks are away: the client answers this attribute itself (glusterfs 10: ENODATA, as
// long as the option "capability" is not given), while for a client that is gone the kernel answers ENOTCONN.
func ClientEnded(path string) (bool, error) {
	err := retry(func() error {
		_, err := unix.Lgetxattr(path, "security.capability", make([]byte, 64))
		return err
	})
	switch {
	case errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ECONNABORTED):
		return true, nil
	case err == nil, errors.Is(err, unix.ENODATA), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ERANGE):
		return false, nil
	}
	return false, fmt.Errorf("ask the client at %s: %w", path, err)
}

// Statfs asks the file system for its numbers. It blocks as long as the client does.
func Statfs(path string) (Stats, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(path, &st) }); err != nil {
		return Stats{}, err
	}
	// Where a file system has no fragments, the kernel makes Frsize the same as Bsize (fs/statfs.c).
	bytes := func(blocks uint64) int64 { return int64(blocks) * st.Frsize }
	return Stats{
		TotalBytes: bytes(st.Blocks), UsedBytes: bytes(st.Blocks - st.Bfree), AvailableBytes: bytes(st.Bavail),
		TotalInodes: int64(st.Files), UsedInodes: int64(st.Files - st.Ffree), AvailableInodes: int64(st.Ffree),
	}, nil
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Package dirlock prevents two processes from using one directory at the same time, if both call Lock.
package dirlock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Lock waits for another process, which may be about to end.
const patience = 10 * time.Second

// Lock locks dir against other processes that call Lock, until unlock is called. The lock is on the directory itself and ends
// with this process at the latest. No lock file is left that could be stale, or that the kubelet would take for a socket. Lock
// waits for up to 10 seconds.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	return lock(ctx, dir, patience)
}

func lock(ctx context.Context, dir string, limit time.Duration) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("another process holds the lock of directory %s; find it with lslocks", dir))
	defer cancel()
	f, err := os.Open(dir) //nolint:gosec // the path is the administrator's
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			_ = f.Close()
			return nil, fmt.Errorf("locking directory %s: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

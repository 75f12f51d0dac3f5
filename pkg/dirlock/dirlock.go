// Package dirlock prevents two processes from using one directory at the same time, if both call Lock. Lock waits up to 10
// seconds for another holder, and then returns an error. The kernel releases the lock when unlock is called or when the process
// ends. The caller must keep unlock: the garbage collector would release the lock with it. A second Lock of the same directory in
// one process also waits and fails.
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

// Lock locks dir, which must exist, against other callers of Lock until unlock is called. The lock is on the directory itself and
// ends with this process at the latest. So there is no lock file that could be stale, or that the kubelet would take for a
// socket. Lock waits up to 10 seconds, or until ctx ends.
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

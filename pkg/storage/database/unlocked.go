package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// How long a restore waits for the lock, and how often it tries.
const (
	lockPoll  = time.Second
	LockLimit = 5 * time.Minute
)

// AwaitUnlocked waits until no process holds the lock of the database at path. Heketi itself waits only three seconds, and then
// serves the database read-only: it answers requests, but refuses each change until it is restarted. If a node loses its power,
// the servers of the database's volume keep that node's lock until they close its connections, which takes most of a minute.
//
// If the file cannot be opened, for example because it is damaged, AwaitUnlocked does not wait: no Heketi can start with such a
// file, and Restore can replace it.
func AwaitUnlocked(ctx context.Context, path string, limit time.Duration) error {
	err := wait.Until(ctx, lockPoll, limit, "Waiting for the lock of Heketi's database", func(ctx context.Context) error {
		return unlocked(ctx, path)
	})
	if err != nil {
		return fmt.Errorf("take the lock of %s: %w", path, err)
	}
	return nil
}

// unlocked returns an error if another process holds the lock. It takes the lock as Heketi does, and releases it.
func unlocked(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- the administrator names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot open Heketi's database; not waiting for its lock", "path", path)
		return nil
	}
	defer func() { _ = file.Close() }() // which releases the lock
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.New("another Heketi holds it: that Heketi still runs, or it ran on a node that is lost; the lock of a lost node ends within a minute")
	}
	return err
}

package database

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestAwaitUnlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heketi.db")
		if err := AwaitUnlocked(t.Context(), path, time.Minute); err != nil {
			t.Errorf("without a database: %v", err)
		}
		writeFile(t, path, "database")
		other := lockFile(t, path)
		begun := time.Now()
		time.AfterFunc(10*time.Second, func() { _ = other.Close() })
		if err := AwaitUnlocked(t.Context(), path, time.Minute); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begun); waited < 10*time.Second {
			t.Errorf("waited %v for a lock that was held 10 s", waited)
		}
		lockFile(t, path) // fails if AwaitUnlocked still holds the lock
		err := AwaitUnlocked(t.Context(), path, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "heketi.db: not done within 1m0s: another Heketi holds it") {
			t.Errorf("a lock that stays: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := AwaitUnlocked(ctx, path, time.Minute); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("a pod that is asked to end: %v", err)
		}
	})
}

func lockFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return file
}

package dirlock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	before := mounttest.Descriptors(t)
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	locked := make(chan error)
	go func() {
		unlock, err := Lock(t.Context(), dir)
		if err == nil {
			unlock()
		}
		locked <- err
	}()
	unlock()
	if err := <-locked; err != nil {
		t.Errorf("after it was unlocked: %v", err)
	}
	if _, err := Lock(t.Context(), filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	if after := mounttest.Descriptors(t); after > before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

// TestLockSaysWhoHasIt: the error says how to find the process that holds the lock.
func TestLockSaysWhoHasIt(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := lock(t.Context(), dir, time.Millisecond); err == nil || !strings.Contains(err.Error(), dir+"; find it with lslocks") {
		t.Errorf("%v", err)
	}
}

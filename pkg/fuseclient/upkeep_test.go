package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// run calls upkeep as Run does, until the test ends. Calls wait while upkeep has their volume, which takes long on a busy machine.
func (n *node) run() {
	n.t.Helper()
	n.locks.wait = time.Minute
	ctx, cancel := context.WithCancel(n.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx) }()
	n.t.Cleanup(func() { cancel(); <-ended })
}

// grow makes a log larger than allowed.
func grow(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, maxLog+1); err != nil {
		t.Fatal(err)
	}
}

func isSmall(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() <= maxLog
}

// TestLogsAreBounded: logs are bounded without any call: those of the volume's client and of the previous one, and the unlinked
// log of a client that serves a pod after its volume was unstaged.
func TestLogsAreBounded(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	r := n.stage()
	log := n.logPath("id-vol")
	grow(t, log)
	grow(t, log+".1")
	n.run()
	waitFor(t, "a small log", func() bool { return isSmall(log) && isSmall(log+".1") })

	n.mustPublish("target")
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	open := fmt.Sprintf("/proc/%d/fd/1", r.Process.PID)
	if _, err := os.Lstat(log); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the log still has its name: %v", err)
	}
	grow(t, open)
	waitFor(t, "a small log without a name", func() bool { return isSmall(open) })
	if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Fatal(err)
	}
}

// TestOtherFilesAreNotBounded: a file that a client has open in place of its log is left alone.
func TestOtherFilesAreNotBounded(t *testing.T) {
	n := newNode(t)
	n.cfg.Glusterfs = n.path("client")
	other := n.path("other")
	self, err := os.Executable()
	if err == nil {
		err = errors.Join(os.WriteFile(other, nil, 0o600), os.WriteFile(n.cfg.Glusterfs, []byte("#!/bin/sh\nexec "+self+" \"$@\" >"+other+"\n"), 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	n.stage()
	grow(t, other)
	if err := n.boundLogs(runningClients(n.cfg.StateDir, "")); err != nil || isSmall(other) {
		t.Errorf("%v; it was emptied: %t", err, isSmall(other))
	}
}

// TestRecordIsWrittenLater: the record is written once the disk is available again.
func TestRecordIsWrittenLater(t *testing.T) {
	n := newNode(t)
	undo := n.protect("volumes")
	r := n.stage()
	undo()
	if _, err := readRecord(n.recordPath("id-vol")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("it was written: %v", err)
	}
	n.run()
	waitFor(t, "the record", func() bool {
		written, err := readRecord(n.recordPath("id-vol"))
		return err == nil && written.Process == r.Process
	})
	if left, err := filepath.Glob(filepath.Join(n.cfg.StateDir, "volumes", "*.new")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	// A volume with a call in progress is left for later.
	unlock, err := n.locks.acquire(t.Context(), "volume id-vol", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(n.recordPath("id-vol")); err != nil {
		t.Fatal(err)
	}
	n.writeAgain(t.Context(), "id-vol")
	if _, err := os.Lstat(n.recordPath("id-vol")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("written while a call runs: %v", err)
	}
	unlock()
	waitFor(t, "the record", func() bool { _, err := os.Lstat(n.recordPath("id-vol")); return err == nil })
}

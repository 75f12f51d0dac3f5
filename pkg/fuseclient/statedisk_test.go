package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// TestDamagedStateDirectory: a file that cannot be written or removed fails a call only if a client cannot be started without it.
func TestDamagedStateDirectory(t *testing.T) {
	stage := func(n *node) error { return n.Stage(n.t.Context(), source("vol"), n.path("staging")) }
	unstage := func(n *node) error { return n.Unstage(n.t.Context(), "id-vol", n.path("staging")) }
	for _, tt := range []struct {
		name, damaged string
		before        func(n *node) error
		call          func(n *node) error
		fails         bool
		says          string
	}{
		{"stage", "clients", nil, stage, true, "create the client's directory"},
		{"stage", "volumes", nil, stage, false, "write the record of volume id-vol"},
		{"stage", "logs", nil, stage, true, "make the client's log"},
		{"unstage", "volumes", stage, unstage, false, "volumes/"},
		{"unstage", "logs", stage, unstage, false, "logs/"},
		{"unstage of nothing", "logs", nil, unstage, false, "logs/"},
	} {
		t.Run(tt.name+" without "+tt.damaged, func(t *testing.T) {
			n := newNode(t)
			if tt.before != nil {
				if err := tt.before(n); err != nil {
					t.Fatal(err)
				}
			}
			repair := n.damage(tt.damaged)
			err := tt.call(n)
			if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want an error: %t", err, tt.fails)
			}
			repair()
			if err := tt.call(n); err != nil {
				t.Errorf("after the repair: %v", err)
			}
		})
	}
}

// TestUnwrittenIsLogged: the log names the volume and what failed.
func TestUnwrittenIsLogged(t *testing.T) {
	n := newNode(t)
	defer n.damage("volumes")()
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	if err := n.Stage(klog.NewContext(t.Context(), log), source("vol"), n.path("staging")); err != nil {
		t.Fatal(err)
	}
	text := log.GetSink().(ktesting.Underlier).GetBuffer().String()
	if !strings.Contains(text, "Cannot write to the state directory") || !strings.Contains(text, "id-vol") || !strings.Contains(text, "write the record of volume id-vol") {
		t.Errorf("logged: %s", text)
	}
}

// newNodeOnSmallDisk is like newNode, with a state directory that becomes full soon.
func newNodeOnSmallDisk(t *testing.T) *node {
	t.Helper()
	n := newNode(t)
	n.Close()
	if err := unix.Mount("", n.cfg.StateDir, "tmpfs", 0, "size=256k,nr_inodes=64"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(n.cfg.StateDir, unix.MNT_DETACH) })
	n.Manager = startManager(t, n.cfg.StateDir)
	return n
}

// useUpInodes makes files in the state directory until there is no room for another file or directory.
func (n *node) useUpInodes() error {
	for i := range 1000 {
		err := os.WriteFile(filepath.Join(n.cfg.StateDir, fmt.Sprintf("full-%d", i)), nil, 0o600)
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("the disk is not full")
}

// TestClientEndsWhileTheDiskIsFull: a client needs a new directory, so a client that ends is replaced when there is room again.
func TestClientEndsWhileTheDiskIsFull(t *testing.T) {
	n := newNodeOnSmallDisk(t)
	r := n.stage()
	n.mustPublish("target")
	if err := n.useUpInodes(); err != nil {
		t.Fatal(err)
	}
	n.kill(r)
	repair := func() error { return n.Repair(t.Context(), "id-vol", func(Served) error { return nil }) }
	if err := repair(); !errors.Is(err, unix.ENOSPC) || !errors.Is(answers(n.path("target")), unix.ENOTCONN) {
		t.Errorf("while the disk is full: %v, then %v", err, answers(n.path("target")))
	}
	full, err := filepath.Glob(filepath.Join(n.cfg.StateDir, "full-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range full {
		err = errors.Join(err, os.Remove(path))
	}
	if err := errors.Join(err, repair(), answers(n.path("staging"))); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if again := n.known(); again.Process == r.Process || !again.Process.alive() {
		t.Errorf("the client was %v and is %v", r.Process, again.Process)
	}
}

// TestStateDiskAway: the disk of the state directory has become read-only or full. Mounted volumes can be published, unpublished
// and unstaged, also by a driver that is started afterwards.
func TestStateDiskAway(t *testing.T) {
	for name, tt := range map[string]struct {
		away      func(n *node) error
		mayStage  bool // a new client needs a directory
		mayRemove bool
	}{
		"read-only": {away: func(n *node) error { // a second mount, because the client's log is open for writing
			n.protect("")
			n.t.Cleanup(func() { _ = unix.Unmount(n.cfg.StateDir, unix.MNT_DETACH) })
			return nil
		}},
		"full": {away: func(n *node) error {
			err := os.WriteFile(filepath.Join(n.cfg.StateDir, "full"), make([]byte, 1<<20), 0o600)
			if errors.Is(err, unix.ENOSPC) {
				return nil
			}
			return errors.Join(err, errors.New("the disk is not full"))
		}, mayStage: true, mayRemove: true},
		"without room for a directory": {away: (*node).useUpInodes, mayRemove: true}, // on other file systems than tmpfs, a full one
	} {
		for when, restart := range map[string]bool{"under the driver": false, "before its start": true} {
			t.Run(name+" "+when, func(t *testing.T) {
				n := newNodeOnSmallDisk(t)
				n.mkdir("other")
				r := n.stage()
				n.mustPublish("target")
				if err := tt.away(n); err != nil {
					t.Fatal(err)
				}
				if restart {
					n.restart()
				}
				n.mustPublish("second")
				if again := n.stage(); again.Process != r.Process {
					t.Error("stage: there is another client")
				}
				if _, err := n.Stats(t.Context(), "id-vol", n.path("target")); err != nil {
					t.Errorf("stats: %v", err)
				}
				if err := n.Stage(t.Context(), source("other"), n.path("other")); (err == nil) != tt.mayStage {
					t.Errorf("another volume: %v", err)
				}
				for range 2 {
					for _, target := range []string{"target", "second"} {
						if err := n.Unpublish(t.Context(), "id-vol", n.path(target)); err != nil {
							t.Errorf("unpublish: %v", err)
						}
					}
					if err := errors.Join(n.Unstage(t.Context(), "id-vol", n.path("staging")), n.Unstage(t.Context(), "id-other", n.path("other"))); err != nil {
						t.Errorf("unstage: %v", err)
					}
				}
				waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
				n.ending.Wait()
				if left := mountsBelow(t, n.kubelet); len(left) > 0 {
					t.Errorf("mounts left: %q", left)
				}
				if files := n.files(); tt.mayRemove && files != "" {
					t.Errorf("files left: %s", files)
				}
			})
		}
	}
}

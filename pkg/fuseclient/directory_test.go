package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// directoryOf returns the source of a static volume that is a directory.
func directoryOf(volume, directory string) mount.Source {
	s := source(volume)
	s.Subdir = directory
	return s
}

// stageDirectory stages sub/dir of the volume.
func (n *node) stageDirectory() record {
	n.t.Helper()
	if err := n.Stage(n.t.Context(), directoryOf("vol", "sub/dir"), n.path("staging")); err != nil {
		n.t.Fatal(err)
	}
	return n.known()
}

func (n *node) wantRoots(root string, names ...string) {
	n.t.Helper()
	for _, name := range names {
		if top, err := mount.Top(n.path(name)); err != nil || top == nil || top.Root != root || n.layers(name) != 1 {
			n.t.Errorf("%s: %+v, %v, %d layers; want one with root %s", name, top, err, n.layers(name), root)
		}
	}
}

// inBothPlacements runs a test with a client outside the container, and with one in it.
func inBothPlacements(t *testing.T, test func(*testing.T, *node)) {
	t.Helper()
	t.Run("node", func(t *testing.T) {
		n, _ := newPlacedNode(t)
		test(t, n)
	})
	t.Run("pod", func(t *testing.T) { test(t, newNode(t)) })
}

// TestDirectory: the client mounts the whole volume, and pods can only find mounts of the directory.
func TestDirectory(t *testing.T) {
	inBothPlacements(t, func(t *testing.T, n *node) {
		t.Helper()
		r := n.stageDirectory()
		n.mustPublish("target")
		n.wantRoots("/sub/dir", "staging", "target")
		if strings.Contains(argumentsOf(t, r), "subdir") {
			t.Errorf("the client's arguments are %q", argumentsOf(t, r))
		}
		if !n.onFresh(r) {
			t.Error("it has no first mount, and the directory cannot be found again")
		}
		if stats, err := n.Stats(t.Context(), "id-vol", n.path("target")); err != nil || stats.TotalBytes == 0 {
			t.Errorf("%+v, %v", stats, err)
		}
		if health, err := n.Health(t.Context(), "id-vol", n.path("target")); err != nil || health.Root != nil {
			t.Errorf("%+v, %v", health, err)
		}
		if again := n.stageDirectory(); again.Process != r.Process {
			t.Error("a second client was started")
		}
		for other, source := range map[string]mount.Source{"whole": source("vol"), "another directory": directoryOf("vol", "sub")} {
			if err := n.Stage(t.Context(), source, n.path("staging")); !errors.Is(err, mount.ErrConflict) {
				t.Errorf("%s: %v", other, err)
			}
		}
		if err := unix.Unmount(n.path("staging"), unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if again := n.stageDirectory(); again.Process != r.Process {
			t.Error("a second client was started although there is a mount of the directory")
		}
		n.wantRoots("/sub/dir", "staging", "target")
		if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
	})
}

// TestNotADirectory: a path that is not a directory is refused with the reason, and neither a client nor a record is left.
func TestNotADirectory(t *testing.T) {
	n, _ := newPlacedNode(t)
	for directory, want := range map[string]struct {
		err   error
		words string
	}{
		"missing/dir": {mount.ErrUnavailable, `mount GlusterFS volume "vol": directory /missing/dir does not exist in the volume`},
		"file":        {mount.ErrInvalid, "/file is not a directory"},
		"file/below":  {mount.ErrInvalid, "/file/below is not a directory"},
		"link":        {mount.ErrInvalid, "the path /link has a symbolic link in it"},
		"link/dir":    {mount.ErrInvalid, "the path /link/dir has a symbolic link in it"},
	} {
		if err := n.Stage(t.Context(), directoryOf("vol", directory), n.path("staging")); !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.words) {
			t.Errorf("%s: %v", directory, err)
		}
		if _, known := n.record("id-vol"); known || n.layers("staging") != 0 || strings.Contains(n.files(), "clients/") {
			t.Errorf("%s: a record is kept: %t; %d mounts; files %s", directory, known, n.layers("staging"), n.files())
		}
		waitFor(t, "the client's end", func() bool { return len(runningClients(n.cfg.StateDir, "")) == 0 })
	}
	if deaths := n.Report().Deaths; deaths != 0 {
		t.Errorf("%d clients count as dead", deaths)
	}
}

// TestDirectoryOfADeadClient: the volume stays staged even if its directory is gone when the client is replaced.
func TestDirectoryOfADeadClient(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stageDirectory()
	n.kill(r)
	r.Source.Subdir = "missing"
	if err := n.save(r); err != nil {
		t.Fatal(err)
	}
	if err := n.publish("target", false); !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), "/missing does not exist") {
		t.Errorf("%v", err)
	}
	if again := n.known(); again.Process != r.Process {
		t.Errorf("the record is %+v, it was %+v", again, r)
	}
	r.Source.Subdir = "sub/dir"
	if err := n.save(r); err != nil {
		t.Fatal(err)
	}
	n.mustPublish("target")
	n.wantRoots("/sub/dir", "staging", "target")
}

// TestDirectoryThatDoesNotAnswer: the error names the directory, and the client is not left running.
func TestDirectoryThatDoesNotAnswer(t *testing.T) {
	for cause, want := range map[error]error{mount.ErrTimeout: mount.ErrTimeout, unix.ENOTCONN: mount.ErrUnavailable} {
		err := directoryError(record{Source: directoryOf("vol", "sub")}, fmt.Errorf("open: %w", cause))
		if !errors.Is(err, want) || !errors.Is(err, cause) || !strings.Contains(err.Error(), `volume "vol": look for the directory /sub`) {
			t.Errorf("%v", err)
		}
	}
}

// TestDirectoryAfterAGraphChange: a mount whose directory no longer has a name cannot be bound; the one at the staging path is
// replaced.
func TestDirectoryAfterAGraphChange(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stageDirectory()
	n.mustPublish("target")
	n.signal(r, syscall.SIGUSR2)
	waitFor(t, "the new graph", func() bool {
		data, _ := os.ReadFile(n.logPath("id-vol"))
		return strings.Contains(string(data), "graph changed")
	})
	root, err := n.OpenWhole(t.Context(), "id-vol")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	dir, err := n.asker.Open(t.Context(), n.limits.ask, root, "sub/dir") // the kernel looks it up and gets another node id
	if err != nil {
		t.Fatal(err)
	}
	_ = dir.Close()
	if err := mount.Bind(n.path("staging"), r.Device, n.mkdir("other"), mount.Flags{}); !errors.Is(err, unix.ENOENT) {
		t.Fatalf("the mount at the staging path is as it was: %v", err)
	}
	n.mustPublish("second")
	n.mustPublish("target")
	n.wantRoots("/sub/dir", "staging", "target", "second")
	if again := n.known(); again.Process != r.Process {
		t.Error("the client was replaced")
	}
}

// TestLostRecordOfADirectory: the directory is taken from the root of the mount.
func TestLostRecordOfADirectory(t *testing.T) {
	inBothPlacements(t, func(t *testing.T, n *node) {
		t.Helper()
		r := n.stageDirectory()
		n.lose(nil)
		if again := n.stageDirectory(); fmt.Sprint(again) != fmt.Sprint(r) {
			t.Errorf("the record is %+v, it was %+v", again, r)
		}
	})
}

// TestClientOfADirectory: a client that an earlier version started for a directory stays in use, and the next client mounts the
// whole volume.
func TestClientOfADirectory(t *testing.T) {
	n := newNode(t)
	client := n.cfg.Glusterfs
	n.cfg.Glusterfs = n.path("earlier")
	if err := os.WriteFile(n.cfg.Glusterfs, []byte("#!/bin/sh\nexec "+client+" -N --subdir-mount=/sub/dir \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	earlier := n.stageDirectory()
	n.cfg.Glusterfs = client
	n.wantRoots("/", "staging")
	for _, change := range []func(){func() {}, func() { n.lose(nil) }} {
		change()
		n.mustPublish("target")
		if now := n.stageDirectory(); now.Process != earlier.Process || now.root() != "/" || now.Source.Subdir != "sub/dir" {
			t.Errorf("%+v, it was %+v", now, earlier)
		}
		n.wantRoots("/", "staging", "target")
	}
	n.kill(earlier)
	n.mustPublish("target")
	n.wantRoots("/sub/dir", "staging", "target")
}

// TestHealthOfADirectory: the health of a directory includes the bricks, even when none can be reached any more.
func TestHealthOfADirectory(t *testing.T) {
	inBothPlacements(t, func(t *testing.T, n *node) {
		t.Helper()
		n.cfg.Health = true
		n.tell("1", "0", "1", "1")
		if err := n.Stage(t.Context(), directoryOf("bricks", "sub/dir"), n.path("staging")); err != nil {
			t.Fatal(err)
		}
		n.wantBricks([]string{"10.0.0.1:/b/b/brick"}, false, nil)
		if err := n.Unstage(t.Context(), "id-bricks", n.path("staging")); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the client's end", func() bool { return len(runningClients(n.cfg.StateDir, "")) == 0 })
	})
}

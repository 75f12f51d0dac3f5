package fuseclient

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestLifeOfAVolume(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if got := mountsBelow(t, n.cfg.StateDir); len(got) > 0 {
		t.Errorf("the client is still mounted at its fresh path %q: it could unmount what is mounted there later", got)
	}
	if session, err := unix.Getsid(r.Process.PID); session != r.Process.PID {
		t.Errorf("the client is not in a separate session, but in %d: the terminal's ctrl-C would end it (%v)", session, err)
	}
	n.mustPublish("target")
	if n.layers("staging") != 1 || n.layers("target") != 1 {
		t.Errorf("mounts: %q", mountsBelow(t, n.kubelet))
	}
	if err := answers(n.path("target")); err != nil {
		t.Error(err)
	}
	for range 2 { // the second round has nothing left to do
		if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
			t.Error(err)
		}
		if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
			t.Error(err)
		}
	}
	n.ending.Wait()
	if r.Process.alive() {
		t.Error("the client is still there")
	}
	if left := mountsBelow(t, n.kubelet); len(left) > 0 {
		t.Errorf("mounts left: %q", left)
	}
	if _, err := os.Stat(n.path("target")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the target directory is still there: %v", err)
	}
	if _, err := os.Stat(n.path("staging")); err != nil {
		t.Errorf("the staging directory is the orchestrator's: %v", err)
	}
	if left := n.files(); left != "" {
		t.Errorf("files left: %s", left)
	}
}

func TestStageAgain(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if again := n.stage(); again.Process != r.Process {
		t.Error("a second client was started")
	}
	elsewhere := n.mkdir("elsewhere")
	subdir := source("vol")
	subdir.Subdir = "sub"
	for _, c := range []struct {
		name   string
		source mount.Source
		path   string
	}{
		{"read-only", source("vol", "ro"), n.path("staging")},
		{"directory", subdir, n.path("staging")},
		{"staging path", source("vol"), elsewhere},
		{"another volume", source("vol2"), n.path("staging")},
	} {
		if err := n.Stage(t.Context(), c.source, c.path); !errors.Is(err, mount.ErrConflict) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestStageAfterAnEdit: the PersistentVolume of a running pod may be edited. Its client stays, and the next client is started
// with the new options.
func TestStageAfterAnEdit(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	edited := source("vol", "log-level=ERROR")
	edited.Servers = []string{"gluster3"}
	n.restart() // the kubelet restarts as well, and then stages again what is staged
	for range 2 {
		if err := n.Stage(t.Context(), edited, n.path("staging")); err != nil {
			t.Fatal(err)
		}
	}
	n.mustPublish("target")
	if n.known().Process != r.Process {
		t.Error("the client has been replaced")
	}
	n.kill(r)
	n.restart()
	n.mustPublish("target")
	for _, want := range []string{"--log-level=ERROR", "--volfile-server=gluster3"} {
		if got := argumentsOf(t, n.known()); !strings.Contains(got, want) {
			t.Errorf("the next client's arguments are %q, want %s among them", got, want)
		}
	}
}

// TestStageAfterAnEditWithoutState: a pod can start its containers although the state directory cannot be written.
func TestStageAfterAnEditWithoutState(t *testing.T) {
	n := newNode(t)
	n.stage()
	undo := n.protect("volumes")
	defer undo()
	if err := n.Stage(t.Context(), source("vol", "noatime"), n.path("staging")); err != nil {
		t.Error(err)
	}
}

// TestStageForgetsWhatIsGone: if an administrator removed a dead volume by hand, its record does not keep the volume from being
// staged.
func TestStageForgetsWhatIsGone(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	fresh := n.freshPath(r)
	if err := os.Mkdir(fresh, 0o700); err != nil { // as if it could not be removed before
		t.Fatal(err)
	}
	n.kill(r)
	other := source("vol", "ro")
	if err := n.Stage(t.Context(), other, n.path("staging")); !errors.Is(err, mount.ErrConflict) {
		t.Errorf("while it is mounted: %v", err)
	}
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), other, n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if _, err := os.Lstat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first path of the previous client is left: %v", err)
	}
}

func TestStageRefusesPaths(t *testing.T) {
	n := newNode(t)
	file := n.path("file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := n.mkdir("foreign")
	if err := unix.Mount("tmpfs", foreign, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		"":                  mount.ErrInvalid,
		"/":                 mount.ErrInvalid,
		"relative":          mount.ErrInvalid,
		n.path("missing"):   mount.ErrInvalid,
		n.path("missing/a"): mount.ErrInvalid,
		file:                mount.ErrInvalid,
		foreign:             mount.ErrConflict,
	} {
		if err := n.Stage(t.Context(), source("vol"), path); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
	if n.layers("foreign") != 1 {
		t.Error("a foreign mount was touched")
	}
}

func TestStageThroughSymbolicLink(t *testing.T) {
	n := newNode(t)
	link := filepath.Join(t.TempDir(), "kubelet")
	if err := os.Symlink(n.kubelet, link); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol"), filepath.Join(link, "staging")); err != nil {
		t.Fatal(err)
	}
	n.mustPublish("target")
	if err := n.Unpublish(t.Context(), "id-vol", filepath.Join(link, "target")); err != nil {
		t.Error(err)
	}
	if n.layers("staging") != 1 || n.layers("target") != 0 {
		t.Errorf("mounts: %q", mountsBelow(t, n.kubelet))
	}
}

func TestStageReplacesDeadClient(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			n := newNode(t)
			dead := n.stage()
			n.kill(dead)
			if err := answers(n.path("staging")); !errors.Is(err, unix.ENOTCONN) {
				t.Fatalf("a dead client answers: %v", err)
			}
			r := n.stage()
			if r.Process == dead.Process || r.Generation == dead.Generation {
				t.Error("no new client at a new path")
			}
			if err := answers(n.path("staging")); err != nil || n.layers("staging") != layers {
				t.Errorf("%d layers, top answers %v", n.layers("staging"), err)
			}
		})
	}
}

// TestStageLeavesFreshPath: as after a restart between binding the client and removing it from its fresh path.
func TestStageLeavesFreshPath(t *testing.T) {
	n := newNode(t)
	fresh := n.freshPath(n.stage())
	if err := errors.Join(os.Mkdir(fresh, 0o700), unix.Mount(n.path("staging"), fresh, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	n.stage()
	if left := mountsBelow(t, n.cfg.StateDir); len(left) > 0 {
		t.Errorf("still mounted at %q", left)
	}
}

func TestFailedReplacementKeepsTheRecord(t *testing.T) {
	n := newNode(t)
	dead := n.stage()
	n.kill(dead)
	client := n.cfg.Glusterfs
	n.cfg.Glusterfs = n.path("no-glusterfs")
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); err == nil {
		t.Error("staged without a client")
	}
	if n.known().Generation != dead.Generation || n.layers("staging") != 1 {
		t.Error("the dead mount is not as before")
	}
	n.cfg.Glusterfs = client
	n.stage()
	if err := answers(n.path("staging")); err != nil {
		t.Error(err)
	}
}

func TestStageKeepsClientOfBricksThatAreAway(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.bricksAway(r)
	if again := n.stage(); again.Process != r.Process || n.layers("staging") != 1 {
		t.Error("a client that only waits for its bricks was replaced")
	}
}

func TestStageBindsTheRunningClientAgain(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	if again := n.stage(); again.Process != r.Process || n.layers("staging") != 1 {
		t.Error("the client that serves the target was not bound again")
	}
	n.ending.Wait()
	if files := n.files(); strings.Contains(files, "ending/") {
		t.Errorf("it has a file in ending/: %s", files)
	}
}

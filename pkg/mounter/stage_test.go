package mounter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestLifeOfAVolume(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if got := mountsBelow(t, n.cfg.StateDir); len(got) > 0 {
		t.Errorf("the client is still mounted at its fresh path %q: it could unmount what is put there later", got)
	}
	if session, err := unix.Getsid(r.Process.PID); session != r.Process.PID {
		t.Errorf("the client is not in a session of its own, but in %d: the terminal's ctrl-C would end it (%v)", session, err)
	}
	n.mustPublish("target")
	if n.layers("staging") != 1 || n.layers("target") != 1 {
		t.Errorf("mounts: %q", mountsBelow(t, n.kubelet))
	}
	if err := answers(n.path("target")); err != nil {
		t.Error(err)
	}
	for range 2 { // the second round finds nothing left to do
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
	servers := source("vol")
	servers.Servers = []string{"gluster3"}
	subdir := source("vol")
	subdir.Subdir = "sub"
	for _, c := range []struct {
		name   string
		source mount.Source
		path   string
	}{
		{"options", source("vol", "noatime"), n.path("staging")},
		{"servers", servers, n.path("staging")},
		{"directory", subdir, n.path("staging")},
		{"staging path", source("vol"), elsewhere},
		{"another volume", source("vol2"), n.path("staging")},
	} {
		if err := n.Stage(t.Context(), c.source, c.path); !errors.Is(err, mount.ErrConflict) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Somebody has cleared a dead volume away by hand: its record stands in nobody's way.
func TestStageForgetsWhatIsGone(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	other := source("vol", "noatime")
	if err := n.Stage(t.Context(), other, n.path("staging")); !errors.Is(err, mount.ErrConflict) {
		t.Errorf("while it is mounted: %v", err)
	}
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), other, n.path("staging")); err != nil {
		t.Error(err)
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
	n := newNode(t)
	dead := n.stage()
	n.kill(dead)
	if ended, err := mount.ClientEnded(n.path("staging")); !ended {
		t.Fatalf("a dead client answers: %v", err)
	}
	r := n.stage()
	if r.Process == dead.Process || r.Generation == dead.Generation {
		t.Error("no new client at a new path")
	}
	if err := answers(n.path("staging")); err != nil || n.layers("staging") != 1 {
		t.Errorf("%d layers, top answers %v", n.layers("staging"), err)
	}
}

// As after a restart between binding the client and taking it off its fresh path.
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
}

func TestFailedStart(t *testing.T) {
	for volume, want := range map[string]struct {
		kind error
		text string
	}{
		"nope":    {mount.ErrUnavailable, `no such volume "nope"`},
		"stopped": {mount.ErrUnavailable, "no brick of the volume can be reached"},
		"broken":  {mount.ErrUnavailable, "this glusterfs does not know the option --frobnicate=1"},
		"mute":    {mount.ErrTimeout, "did not answer in time"},
		"absent":  {mount.ErrTimeout, "did not answer in time"},
	} {
		t.Run(volume, func(t *testing.T) {
			n := newNode(t)
			if errors.Is(want.kind, mount.ErrTimeout) {
				n.cfg.StartTimeout = n.limits.ask
			}
			err := n.Stage(t.Context(), source(volume), n.path("staging"))
			if !errors.Is(err, want.kind) || !strings.Contains(err.Error(), want.text) {
				t.Errorf("got %v", err)
			}
			n.nothingLeft(volume)
		})
	}
}

// nothingLeft checks that of a failed start only the log remains.
func (n *node) nothingLeft(volume string) {
	n.t.Helper()
	if got, want := n.files(), "logs/"+hash("id-"+volume)+".log"; got != want {
		n.t.Errorf("files: %s, want %s", got, want)
	}
	if left := append(mountsBelow(n.t, n.cfg.StateDir), mountsBelow(n.t, n.kubelet)...); len(left) > 0 {
		n.t.Errorf("mounts left: %q", left)
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		n.t.Fatal(err)
	}
	for _, command := range commands {
		if data, err := os.ReadFile(command); err == nil && strings.Contains(string(data), n.cfg.StateDir) {
			n.t.Errorf("process left: %q", data)
		}
	}
}

func TestStageEndsWithItsContext(t *testing.T) {
	n := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- n.Stage(ctx, source("mute"), n.path("staging")) }()
	waitFor(t, "the mount", func() bool { return len(mountsBelow(t, n.cfg.StateDir)) > 0 })
	if err := n.Unstage(t.Context(), "id-mute", n.path("staging")); !errors.Is(err, mount.ErrBusy) || !strings.Contains(err.Error(), "NodeStageVolume") {
		t.Errorf("a call in the meantime: %v", err)
	}
	cancel()
	if err := <-result; !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	n.nothingLeft("mute")
}

func TestStageWithoutClientBinary(t *testing.T) {
	n := newNode(t)
	n.cfg.Glusterfs = n.path("no-glusterfs")
	err := n.Stage(t.Context(), source("vol"), n.path("staging"))
	if err == nil || !strings.Contains(err.Error(), "is the glusterfs client package installed?") {
		t.Errorf("got %v", err)
	}
	n.nothingLeft("vol")
}

func TestMuteServerIsPassedOver(t *testing.T) {
	n := newNode(t)
	s := source("vol")
	s.Servers = []string{"mute", "gluster2"}
	if err := n.Stage(t.Context(), s, n.path("staging")); err != nil {
		t.Fatal(err)
	}
	if err := answers(n.path("staging")); err != nil {
		t.Error(err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if left := n.files(); left != "" {
		t.Errorf("files left: %s", left)
	}
}

// A client that has its volume file waits for its bricks, and must not be exchanged meanwhile.
func TestSlowBricksAreNotMute(t *testing.T) {
	n := newNode(t)
	r := record{Source: source("vol", "log-level=info")}
	for log, want := range map[string]bool{"": true, "Given volfile:\n+---\nFinal graph:\n+---\n": false} {
		if err := os.WriteFile(n.logPath("id-vol"), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		if n.isMute(r) != want {
			t.Errorf("%q: mute is %t", log, !want)
		}
	}
	r.Source = source("vol", "log-level=error") // whose log does not tell
	if err := os.WriteFile(n.logPath("id-vol"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n.isMute(r) {
		t.Error("mute without proof")
	}
}

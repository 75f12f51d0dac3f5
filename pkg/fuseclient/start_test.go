package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

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
				n.cfg.StartTimeout = n.limits.mute / 3 // no other server is tried
			}
			err := n.Stage(t.Context(), source(volume), n.path("staging"))
			if !errors.Is(err, want.kind) || !strings.Contains(err.Error(), want.text) {
				t.Errorf("got %v", err)
			}
			n.nothingLeft(volume)
		})
	}
}

// nothingLeft checks that a failed start left only its log.
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
	n.limits.mute = time.Minute // no other server is tried meanwhile
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
	if servers := serversOf(t, n.known()); !slices.Equal(servers, []string{"gluster2", "mute"}) {
		t.Errorf("the client has servers %q: the mute one may answer later", servers)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if left := n.files(); left != "" {
		t.Errorf("files left: %s", left)
	}
}

// TestOnlyServerIsMute: without another server, the client gets all the time that there is.
func TestOnlyServerIsMute(t *testing.T) {
	n := newNode(t)
	n.cfg.StartTimeout = 3 * n.limits.mute
	s := source("mute")
	s.Servers = []string{"gluster1"}
	if err := n.Stage(t.Context(), s, n.path("staging")); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	n.nothingLeft("mute") // not even the log of an earlier client
}

// TestSlowBricksAreNotMute: a client that has its volume file and waits for its bricks must not be replaced.
func TestSlowBricksAreNotMute(t *testing.T) {
	n := newNode(t)
	self, err := identifyProcess(os.Getpid()) // this process has no connections
	if err != nil {
		t.Fatal(err)
	}
	r := record{Source: source("vol"), Process: self}
	for log, want := range map[string]bool{"": true, "Given volfile:\n+---\nFinal graph:\n+---\n": false} {
		if err := os.WriteFile(n.logPath("id-vol"), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		if n.isMute(r) != want {
			t.Errorf("%q: mute is %t", log, !want)
		}
	}
	r.Process = process{} // so that the client's connections cannot be read
	if err := os.WriteFile(n.logPath("id-vol"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n.isMute(r) {
		t.Error("mute, although that is not certain")
	}
}

// TestStartPreparesWhileItAsks: the client's place on the node is prepared before the servers have answered.
func TestStartPreparesWhileItAsks(t *testing.T) {
	n, placed := newPlacedNode(t)
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) {
		waitFor(t, "record, directory and cgroup of a client that is about to be started", func() bool {
			r, _ := n.record("id-vol")
			_, recordErr := readRecord(n.recordPath("id-vol"))
			_, directoryErr := os.Stat(n.freshPath(r))
			_, cgroupErr := placed.Memory(r.name())
			return errors.Join(recordErr, directoryErr, cgroupErr) == nil
		})
		return "", volfile.ErrNoAnswer
	}
	n.stage()
}

// TestStartWithoutAServer: everything that was prepared is removed, and the former state is restored.
func TestStartWithoutAServer(t *testing.T) {
	n, placed := newPlacedNode(t)
	r := n.stage()
	n.kill(r)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	files := n.files()
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) {
		waitFor(t, "the cgroup", func() bool { r, _ := n.record("id-vol"); _, err := placed.Memory(r.name()); return err == nil })
		return "volume v type storage/posix option directory / end-volume", nil
	}
	before := mounttest.Descriptors(t)
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, volfile.ErrRefused) {
		t.Errorf("%v", err)
	}
	n.asker.Close() // the asker has a cgroup, too
	waitFor(t, "the end of all that was prepared", func() bool { return cgroupsLeft(t) == "" && mounttest.Descriptors(t) <= before })
	if after := n.files(); after != files {
		t.Errorf("files: %s, before there were %s", after, files)
	}
}

// TestRestartWithoutAServer: the record of the client that has ended stays, so that the next call can find the volume.
func TestRestartWithoutAServer(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	files := n.files()
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) {
		return "volume v type storage/posix option directory / end-volume", nil
	}
	if err := n.publish("target", false); !errors.Is(err, volfile.ErrRefused) {
		t.Errorf("%v", err)
	}
	saved, err := readRecord(n.recordPath("id-vol"))
	if now := n.known(); err != nil || now.Generation != r.Generation || saved.Generation != r.Generation {
		t.Errorf("the record is %+v, on disk %+v, %v", now, saved, err)
	}
	if after := n.files(); after != files {
		t.Errorf("files: %s, before there were %s", after, files)
	}
}

// TestStartWithoutAPlace: the start fails without waiting for silent servers.
func TestStartWithoutAPlace(t *testing.T) {
	n := newNode(t)
	n.confine = func() (*placement.Confinement, error) { return nil, unix.ENOSYS }
	n.cfg.FetchVolfile = func(ctx context.Context, _ string, _ int, _ string) (string, error) {
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Error("it waited for the servers")
		}
		return "", ctx.Err()
	}
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, unix.ENOSYS) || !strings.Contains(err.Error(), "prepare the start of the GlusterFS client") {
		t.Errorf("%v", err)
	}
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
}

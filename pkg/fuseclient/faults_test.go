package fuseclient

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestStageWithFewDescriptors runs stages with ever more free descriptors. Each one fails and leaves nothing, or mounts the
// volume.
func TestStageWithFewDescriptors(t *testing.T) {
	failed := 0
	for more := range 16 {
		n := newNode(t)
		n.cfg.StartTimeout = 10 * n.limits.ask
		restore := mounttest.LimitDescriptors(t, more)
		err := n.Stage(t.Context(), source("vol"), n.path("staging"))
		restore()
		if err == nil {
			if answers(n.path("staging")) != nil || n.layers("staging") != 1 || len(mountsBelow(t, n.cfg.StateDir)) > 0 {
				t.Errorf("with %d descriptors the volume is not mounted: %q", more, mountsBelow(t, n.kubelet))
			}
			continue
		}
		failed++
		if r, known := n.record("id-vol"); known && !r.Process.alive() {
			t.Errorf("with %d descriptors: %v, and the record of a client that is gone is left", more, err)
		}
		if n.layers("staging") != 0 {
			t.Errorf("with %d descriptors: %v, and the mounts are %q", more, err, mountsBelow(t, n.kubelet))
		}
		if err := n.Stage(t.Context(), source("vol"), n.path("staging")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
	if failed < 4 {
		t.Errorf("only %d stages have failed: this test needs another range", failed)
	}
}

// TestPublishWithFewDescriptors does the same with a publish, which binds, and with a target that is mounted.
func TestPublishWithFewDescriptors(t *testing.T) {
	n := newNode(t)
	n.stage()
	failed := 0
	for more := range 10 {
		restore := mounttest.LimitDescriptors(t, more)
		err := n.publish("target", false)
		restore()
		_, statErr := os.Lstat(n.path("target"))
		if (err == nil) != (n.layers("target") == 1) || err != nil && !errors.Is(statErr, os.ErrNotExist) {
			t.Errorf("with %d descriptors: %v, %d layers, the directory: %v", more, err, n.layers("target"), statErr)
		}
		if err != nil {
			failed++
			continue
		}
		if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
			t.Fatal(err)
		}
	}
	if failed < 2 {
		t.Errorf("only %d publishes have failed: this test needs another range", failed)
	}
}

// TestWithoutProc: when neither mounts nor processes can be looked up, every call fails and changes nothing.
func TestWithoutProc(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	before := mountsBelow(t, n.kubelet)
	if err := os.Mkdir(n.path("other"), 0o755); err != nil {
		t.Fatal(err)
	}
	restore := mounttest.HideProc(t)
	_, statsErr := n.Stats(t.Context(), "id-vol", n.path("target"))
	_, healthErr := n.Health(t.Context(), "id-vol", n.path("target"))
	errs := map[string]error{
		"stage":             n.Stage(t.Context(), source("vol"), n.path("staging")),
		"stage differently": n.Stage(t.Context(), source("vol", "ro"), n.path("staging")),
		"stage another":     n.Stage(t.Context(), source("vol2"), n.path("other")),
		"publish":           n.publish("target", false),
		"unpublish":         n.Unpublish(t.Context(), "id-vol", n.path("target")),
		"unstage":           n.Unstage(t.Context(), "id-vol", n.path("staging")),
		"stats":             statsErr, "health": healthErr,
	}
	n.Close()
	_, errs["a start"] = NewManager(t.Context(), testConfig(n.cfg.StateDir))
	restore()
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s has succeeded", name)
		}
	}
	if after := mountsBelow(t, n.kubelet); strings.Join(after, " ") != strings.Join(before, " ") || !r.Process.alive() {
		t.Errorf("mounts %q, were %q; the client lives: %t", after, before, r.Process.alive())
	}
	if again := n.stage(); again.Process != r.Process {
		t.Error("there is another client")
	}
	if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
		t.Error(err)
	}
}

// TestCallsLeaveNoDescriptor: a stage, the end of its client and a failed stage close every descriptor that they open.
func TestCallsLeaveNoDescriptor(t *testing.T) {
	n := newNode(t)
	open := func() int { n.ending.Wait(); return mounttest.Descriptors(t) }
	round := func() {
		t.Helper()
		r := n.stage()
		n.mustPublish("target")
		if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
		n.cfg.StartTimeout = n.limits.mute / 3
		if err := n.Stage(t.Context(), source("mute"), n.path("staging")); !errors.Is(err, mount.ErrTimeout) {
			t.Fatal(err)
		}
		n.cfg.StartTimeout = 100 * n.limits.ask
		n.stop(n.stage()) // so that the driver waits for its end
		if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
			t.Fatal(err)
		}
		n.ending.Wait()
		n.restart() // with another child process
	}
	round() // the first round opens descriptors that stay open
	before := open()
	for range 3 {
		round()
	}
	waitFor(t, "the descriptors of clients that have ended", func() bool { return open() <= before })
}

// TestHungClientIsKilled: a hung client is killed when its volume is unstaged and it is not used otherwise.
func TestHungClientIsKilled(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.stop(r)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if r.Process.alive() {
		t.Error("it is still there")
	}
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
	// A client of a volume that is still published is in use.
	r = n.stage()
	n.mustPublish("target")
	n.stop(r)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if !r.Process.alive() {
		t.Error("a client that is in use was killed")
	}
	n.signal(r, unix.SIGCONT)
	n.signal(r, unix.SIGKILL)
}

package fuseclient

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// restart starts a new driver process: it has only what the old one left on disk.
func (n *node) restart() {
	n.t.Helper()
	n.ending.Wait()
	n.Close()
	n.Manager = startManager(n.t, n.cfg.StateDir)
}

func TestRestartBetweenAnyTwoCalls(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.restart()
	if again := n.stage(); again.Process != r.Process {
		t.Error("stage after a restart started a second client")
	}
	if err := n.Stage(t.Context(), source("vol", "ro"), n.path("staging")); !errors.Is(err, mount.ErrConflict) {
		t.Errorf("another stage after a restart: %v", err)
	}
	n.restart()
	n.mustPublish("target")
	n.restart()
	n.mustPublish("target")
	if _, err := n.Stats(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Error(err)
	}
	n.restart()
	if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Error(err)
	}
	n.restart()
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if r.Process.alive() || n.files() != "" {
		t.Errorf("client alive: %t, files: %s", r.Process.alive(), n.files())
	}
}

// driver starts a separate driver process, which will be killed.
func (n *node) driver(volume string) *exec.Cmd {
	n.t.Helper()
	self, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	n.Close()
	cmd := exec.CommandContext(n.t.Context(), self, "driver", n.cfg.StateDir, n.path("staging"), volume)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	return cmd
}

func TestClientOutlivesKilledDriver(t *testing.T) {
	n := newNode(t)
	_ = n.driver("vol").Wait() // the driver kills itself
	n.restart()
	if err := answers(n.path("staging")); err != nil {
		t.Fatal(err)
	}
	r := n.known()
	n.mustPublish("target")
	if n.known().Process != r.Process {
		t.Error("a second client was started")
	}
}

func TestDriverKilledInTheMiddleOfStage(t *testing.T) {
	for _, volume := range []string{"mute", "absent"} {
		for _, written := range []bool{false, true} { // whether the client's number is on disk, as in earlier versions
			n := newNode(t)
			driver := n.driver(volume)
			path := n.recordPath("id-" + volume)
			var r record
			waitFor(t, "the client with its own arguments", func() (found bool) {
				var err error
				if r, err = readRecord(path); err == nil {
					r.Process, found = findClient(n.freshPath(r))
				}
				return found
			})
			if err := driver.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = driver.Wait() // returns at once, although the driver waits for a client that does not answer
			if written {
				if err := writeRecord(path, r); err != nil {
					t.Fatal(err)
				}
			}
			n.restart()
			n.ending.Wait() // on a busy machine, the killed client takes longer than limits.exit
			if r.Process.alive() {
				t.Errorf("%s, number written %t: the client is still there", volume, written)
			}
			if left := append(mountsBelow(t, n.cfg.StateDir), mountsBelow(t, n.kubelet)...); len(left) > 0 {
				t.Errorf("mounts left: %q", left)
			}
			if left := n.files(); left != "" {
				t.Errorf("files left: %s", left)
			}
		}
	}
}

func TestDriverKilledWhileItReplacedADeadClient(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			n.kill(r)
			r.Generation, r.Process, r.Device = r.Generation+1, process{}, mount.Device{} // as saved before the new client is started
			if err := errors.Join(os.Mkdir(n.freshPath(r), 0o700), writeRecord(n.recordPath("id-vol"), r)); err != nil {
				t.Fatal(err)
			}
			n.restart()
			n.mustPublish("target")
			for _, name := range []string{"staging", "target"} {
				if err := answers(n.path(name)); err != nil || n.layers(name) != layers {
					t.Errorf("%s: %d layers, top answers %v", name, n.layers(name), err)
				}
			}
		})
	}
}

func TestClientThatDiedWhileNoDriverRan(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			n := newNode(t)
			r := n.stage()
			n.kill(r)
			n.restart()
			if again := n.stage(); again.Process == r.Process || n.layers("staging") != layers {
				t.Error("the dead client was not replaced")
			}
		})
	}
}

func TestRecordsOfAnEarlierBootAreDropped(t *testing.T) {
	n := newNode(t)
	old := record{Source: source("vol"), StagingPath: n.path("staging"), Generation: 1, Process: process{PID: 1, Start: 1}, BootID: "earlier", Device: mount.Device{Minor: 1}}
	if err := errors.Join(
		writeRecord(n.recordPath("id-vol"), old), writeRecord(n.endingPath(old), old),
		os.Mkdir(n.freshPath(old), 0o700), os.WriteFile(n.logPath("id-vol"), nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if _, known := n.record("id-vol"); known || n.files() != "" {
		t.Errorf("known: %t, files: %s", known, n.files())
	}
}

func TestStrayFreshPathsAreCleared(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	stray := filepath.Join(n.cfg.StateDir, "clients", "stray")
	if err := errors.Join(os.Mkdir(stray, 0o700), unix.Mount("tmpfs", stray, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if left := mountsBelow(t, n.cfg.StateDir); len(left) > 0 || strings.Contains(n.files(), "stray") {
		t.Errorf("mounts: %q, files: %s", left, n.files())
	}
	if n.known().Process != r.Process || n.layers("staging") != 1 {
		t.Error("a staged volume was touched")
	}
}

func TestUnfinishedRecordsAreCleared(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	for _, path := range []string{n.recordPath("id-vol"), n.recordPath("id-other"), n.endingPath(r)} {
		if err := os.WriteFile(path+".new", []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.restart()
	if strings.Contains(n.files(), ".new") || n.Leftovers() > 0 {
		t.Errorf("files: %s, leftovers: %d", n.files(), n.Leftovers())
	}
	if n.known().Process != r.Process {
		t.Error("a staged volume was touched")
	}
}

func TestDamagedRecordsStopNothing(t *testing.T) {
	n := newNode(t)
	n.stage()
	if err := os.WriteFile(n.recordPath("id-vol"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil || n.layers("staging") != 0 {
		t.Errorf("unstage: %v", err)
	}
	n.stage()
}

func TestEndingIsResumed(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	// As if the process had been killed right after it removed the mount of a client that hangs.
	n.stop(r)
	if err := errors.Join(
		mount.Unmount(n.path("staging"), anyMount), writeRecord(n.endingPath(r), r), n.forget("id-vol"),
	); err != nil {
		t.Fatal(err)
	}
	n.restart()
	n.ending.Wait()
	if r.Process.alive() || strings.Contains(n.files(), "ending") {
		t.Errorf("client alive: %t, files: %s", r.Process.alive(), n.files())
	}
}

func TestManagerNeedsAbsoluteStateDir(t *testing.T) {
	if _, err := NewManager(t.Context(), Config{StateDir: filepath.Join("relative", "dir")}); err == nil {
		t.Error("accepted")
	}
}

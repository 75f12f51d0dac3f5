package fuseclient

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Tests of state that could not be written at first. The next start or the next round of Run corrects it.

// TestRecordThatWasNotSavedToTheEnd: the disk became full between two saves of a stage. The client stays in use, and the record
// keeps what the client's arguments do not tell.
func TestRecordThatWasNotSavedToTheEnd(t *testing.T) {
	for name, forget := range map[string]func(*record){
		"without its device":  func(r *record) { r.Device = record{}.Device },
		"without its process": func(r *record) { r.Device, r.Process = record{}.Device, process{} },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			n.ending.Wait()
			n.Close()
			saved := r
			saved.Source.Cluster, saved.Source.Servers = "cluster", append(saved.Source.Servers, "refused")
			saved.Publications = map[string]Publication{n.path("target"): {PV: "pv"}, n.path("unpublished"): {}}
			forget(&saved)
			if err := writeRecord(n.recordPath("id-vol"), saved); err != nil {
				t.Fatal(err)
			}
			n.Manager = startManager(t, n.cfg.StateDir)
			if now := n.known(); now.Process != r.Process || now.Device != r.Device {
				t.Errorf("after the start, the record is %+v", now)
			}
			if cluster, published := n.known().Source.Cluster, n.Publications("id-vol"); cluster != "cluster" || len(published) != 1 || published[0].PV != "pv" {
				t.Errorf("after the start, the cluster is %q and the publications are %+v", cluster, published)
			}
			if servers := n.known().Source.Servers; !slices.Equal(servers, saved.Source.Servers) {
				t.Errorf("after the start, the servers are %q, want %q", servers, saved.Source.Servers)
			}
			n.mustPublish("second")
			if again := n.known(); again.Process != r.Process || !r.Process.alive() {
				t.Errorf("the client was %v and is %v", r.Process, again.Process)
			}
		})
	}
}

// TestRecordOfAHungClientThatWasNotSavedToTheEnd: the client does not answer while the driver starts. The record is completed once
// the client answers again, and has gone once the volume is unstaged.
func TestRecordOfAHungClientThatWasNotSavedToTheEnd(t *testing.T) {
	for name, later := range map[string]func(n *node){
		"after the next call":    func(n *node) { n.mustPublish("second") },
		"after another restart":  func(n *node) { n.restart() },
		"after the client's end": nil,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			n.ending.Wait()
			n.Close()
			saved := r
			saved.Device, saved.Source.Cluster = record{}.Device, "cluster"
			saved.Publications = map[string]Publication{n.path("target"): {PV: "pv"}}
			if err := writeRecord(n.recordPath("id-vol"), saved); err != nil {
				t.Fatal(err)
			}
			n.stop(r)
			n.Manager = startManager(t, n.cfg.StateDir)
			if _, known := n.record("id-vol"); known {
				t.Error("the record of a client that hangs is in use")
			}
			if later == nil {
				n.kill(r)
			} else {
				n.signal(r, unix.SIGCONT)
				later(n)
				if cluster, published := n.known().Source.Cluster, n.Publications("id-vol"); cluster != "cluster" || !slices.ContainsFunc(published, func(p Publication) bool { return p.PV == "pv" }) {
					t.Errorf("the cluster is %q and the publications are %+v", cluster, published)
				}
				if written, err := readRecord(n.recordPath("id-vol")); err != nil || written.Publications[n.path("target")].PV != "pv" {
					t.Errorf("written: %+v, %v", written, err)
				}
			}
			for _, target := range []string{"second", "target"} {
				if err := n.Unpublish(t.Context(), "id-vol", n.path(target)); err != nil {
					t.Error(err)
				}
			}
			if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
				t.Error(err)
			}
			n.ending.Wait()
			if files := n.files(); strings.Contains(files, volumesDir) {
				t.Errorf("files left: %s", files)
			}
		})
	}
}

// TestHungClientEndsWhenItsLastMountHasGone: a hung client whose last mount was in a container ends when that mount is gone,
// without a restart of the driver.
func TestHungClientEndsWhenItsLastMountHasGone(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	container := exec.CommandContext(t.Context(), "sleep", "infinity")
	container.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	n.stop(r)
	err := n.Unstage(t.Context(), "id-vol", n.path("staging"))
	n.ending.Wait()
	if alive := r.Process.alive(); err != nil || !alive {
		t.Errorf("while a container uses it: %v, alive: %t", err, alive)
	}
	_ = container.Process.Kill()
	_ = container.Wait()
	n.upkeep(t.Context())
	n.ending.Wait()
	if r.Process.alive() || n.files() != "" {
		t.Errorf("afterwards: alive: %t, files: %s", r.Process.alive(), n.files())
	}
}

// TestNoNodeForTheFirstProcess: a node plugin that is process 1 of a PID namespace places no client on the node, because its
// clients would end with that namespace. The tests run as process 1.
func TestNoNodeForTheFirstProcess(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Placement = PlacementNode
	m, err := NewManager(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	state, err := ReadPlacement(cfg.StateDir)
	if err != nil || state.Placement != PlacementPod || !strings.Contains(state.Error, "hostPID") || !m.Report().InPod {
		t.Errorf("%+v, %v, %+v", state, err, m.Report())
	}
	if err := os.Remove(placementPath(cfg.StateDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlacement(cfg.StateDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
}

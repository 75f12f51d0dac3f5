package healing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// shownVolume is a volume in two containers, which have an emptyDir inside it. Its client uses the graph "new".
type shownVolume struct {
	staging, inner string // inner is the mount point of the emptyDir in the containers
	device         mount.Device
	containers     [2]int // their processes
}

func (h *Healer) showVolume(t *testing.T) (v shownVolume, s fuseclient.Served) {
	t.Helper()
	dir := t.TempDir()
	data, emptyDir := filepath.Join(dir, "data"), filepath.Join(dir, "emptydir")
	v.staging, v.inner = filepath.Join(dir, "staging"), filepath.Join(data, "inner")
	v.device = mountAt(t, v.staging, "server:/vol", "tmpfs", "")
	mountAt(t, emptyDir, "emptydir", "tmpfs", "")
	if err := errors.Join(os.Mkdir(data, 0o755), os.Mkdir(filepath.Join(v.staging, "inner"), 0o755),
		os.MkdirAll(filepath.Join(v.staging, ".meta/graphs"), 0o755), os.Symlink("new", filepath.Join(v.staging, ".meta/graphs/active"))); err != nil {
		t.Fatal(err)
	}
	for i := range v.containers {
		v.containers[i] = mounttest.Container(t, "private")
		mounttest.Inside(t, v.containers[i], func() error {
			return errors.Join(bindAt(v.staging, data), bindAt(emptyDir, v.inner), unix.Unmount(v.staging, unix.MNT_DETACH))
		})
	}
	h.serve(t, 1, map[string]string{"id": v.staging})
	return v, h.Served()[0]
}

// dropInner unmounts the emptyDir in a container, as the kernel does after a change of the client's graph.
func (v shownVolume) dropInner(t *testing.T, container int) {
	t.Helper()
	mounttest.Inside(t, v.containers[container], func() error { return unix.Unmount(v.inner, unix.MNT_DETACH) })
}

// TestContainersOfAPendingRepair: while the mounts of a volume are not repaired, after a change of the graph or while bricks are away,
// its snapshot keeps what was mounted before, gets the containers that start, and loses those that end.
func TestContainersOfAPendingRepair(t *testing.T) {
	for _, graph := range []string{"old", "new"} {
		t.Run(graph, func(t *testing.T) {
			h := newHealer(t)
			v, s := h.showVolume(t)
			was, added := tableOf(t, v.containers[0], v.device), tableOf(t, v.containers[1], v.device)
			v.dropInner(t, 0)
			now := tableOf(t, v.containers[0], v.device)
			ended := tables.Table{Namespace: 1, PID: 1 << 22, Start: 1, Mounts: now.Mounts}
			kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: v.device, StagingPath: v.staging, Graph: graph, Tables: []tables.Table{ended, was}}
			if err := h.memory.put(kept); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second scan changes nothing
				h.rememberOne(t.Context(), s, scanResult{complete: true, saves: h.memory.saves(s.Client), seen: []tables.Table{now, added}})
				got, _ := h.memory.get(s.Client)
				if got.Graph != graph || len(got.Tables) != 2 || got.Tables[0].PID != now.PID || len(got.Tables[0].Mounts) != 2 || got.Tables[1].PID != added.PID {
					t.Errorf("%+v", got)
				}
			}
			if saves := h.memory.saves(s.Client); saves != 2 {
				t.Errorf("saved %d times, want twice", saves)
			}
		})
	}
}

// TestContainerDuringARepair: a container that a scan finds while the mounts of a volume are being restored also gets its mounts back.
// The repair itself saves the restored mounts; no other scan is needed.
func TestContainerDuringARepair(t *testing.T) {
	h := newHealer(t)
	v, s := h.showVolume(t)
	h.scanning.Lock()
	defer h.scanning.Unlock()
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: v.device, StagingPath: v.staging, Graph: "old", Tables: h.scanOf(t, v.containers[0], v.device)}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	v.dropInner(t, 0)
	state, complete := h.running("id"), make(chan bool)
	go func() { complete <- h.repairGraph(t.Context(), s) }()
	isWhole := func(container int) bool { return len(tableOf(t, v.containers[container], v.device).Mounts) == 2 }
	for deadline := time.Now().Add(30 * time.Second); !isWhole(0); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the first container does not get its mount back")
		}
	}
	h.rememberOne(t.Context(), s, scanResult{complete: true, saves: h.memory.saves(s.Client), seen: append(
		h.scanOf(t, v.containers[0], v.device), h.scanOf(t, v.containers[1], v.device)...)})
	v.dropInner(t, 1)
	state.signal()
	if !<-complete || !isWhole(0) || !isWhole(1) {
		t.Errorf("the first container has its mount: %t, the second: %t", isWhole(0), isWhole(1))
	}
	got, _ := h.memory.get(s.Client)
	if got.Graph != "new" || len(got.Tables) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, saved := range got.Tables {
		if now := tableOf(t, v.containers[i], v.device); len(saved.Mounts) != 2 || saved.PID != now.PID || saved.Mounts[1].ID != now.Mounts[1].ID {
			t.Errorf("saved is %+v, want %+v", saved, now)
		}
	}
}

// TestLostIsNotTriedAgain: a scan after a repair does not count a mount as missing that the repair has found to be lost.
func TestLostIsNotTriedAgain(t *testing.T) {
	h := newHealer(t)
	v, s := h.showVolume(t)
	was := tableOf(t, v.containers[0], v.device) // without the place of the emptyDir on the node, as an earlier version saved it
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: v.device, StagingPath: v.staging, Graph: "old", Tables: []tables.Table{was}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	v.dropInner(t, 0)
	state := h.running("id")
	h.scanning.Lock()
	defer h.scanning.Unlock()
	if !h.repairGraph(t.Context(), s) || h.Unrepaired() != 1 {
		t.Errorf("%d mounts are lost", h.Unrepaired())
	}
	h.begin(t.Context())
	h.rememberOne(t.Context(), s, scanResult{complete: true, saves: h.memory.saves(s.Client), seen: h.scanOf(t, v.containers[0], v.device)})
	h.begin(nil) //nolint:staticcheck // no attempt follows
	h.mu.Lock()
	defer h.mu.Unlock()
	if state.repeat {
		t.Error("the mount is tried again")
	}
}

// TestScanFromBeforeARepair: a scan that began before a repair ended shows the restored mounts as missing. It is repeated, and starts no
// other repair.
func TestScanFromBeforeARepair(t *testing.T) {
	h := newHealer(t)
	v, s := h.showVolume(t)
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: v.device, StagingPath: v.staging, Graph: "new", Tables: []tables.Table{tableOf(t, v.containers[0], v.device)}}
	v.dropInner(t, 0)
	early := scanResult{complete: true, saves: h.memory.saves(s.Client), seen: []tables.Table{tableOf(t, v.containers[0], v.device)}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	h.begin(t.Context())
	state := h.running("id")
	h.rememberOne(t.Context(), s, early)
	h.begin(nil) //nolint:staticcheck // no scan follows
	h.mu.Lock()
	defer h.mu.Unlock()
	if state.repeat || len(h.due) != 1 || h.memory.saves(s.Client) != 1 {
		t.Errorf("repaired again: %t, scans due: %v", state.repeat, h.due)
	}
}

// TestAfterARepair: what a repair could not restore is not missing any more, and a container that a scan has added meanwhile stays as
// it was seen. No other scan is needed for that.
func TestAfterARepair(t *testing.T) {
	h := newHealer(t)
	s := h.serveOne(t, self(t))
	data := tables.Mount{ID: 1, Device: s.Device, Point: "/data"}
	inner := func(id int, point string) tables.Mount { return tables.Mount{ID: id, Parent: 1, Point: point} }
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: s.Device, Graph: "old", Tables: []tables.Table{
		container(10, data, inner(2, "/data/restored"), inner(3, "/data/lost")), container(11, data, inner(2, "/data/new")),
	}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	h.scanning.Lock()
	defer h.scanning.Unlock()
	h.advance(t.Context(), s, "new", Outcome{present: []tables.Table{container(10, data, inner(4, "/data/restored"))}})
	want := []tables.Table{container(10, data, inner(4, "/data/restored")), kept.Tables[1]}
	got, _ := h.memory.get(s.Client)
	if diff := cmp.Diff(want, got.Tables); got.Graph != "new" || diff != "" {
		t.Errorf("graph %q, %s", got.Graph, diff)
	}
}

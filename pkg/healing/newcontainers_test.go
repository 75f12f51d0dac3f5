package healing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestContainersOfAPendingRepair: while the mounts of a volume are not repaired after a change of the graph, its snapshot keeps what
// was mounted before, gets the containers that start, and loses those that end.
func TestContainersOfAPendingRepair(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, data := filepath.Join(dir, "staging"), filepath.Join(dir, "data")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	if err := errors.Join(os.Mkdir(data, 0o755), os.MkdirAll(filepath.Join(staging, ".meta/graphs"), 0o755),
		os.Symlink("new", filepath.Join(staging, ".meta/graphs/active"))); err != nil {
		t.Fatal(err)
	}
	container := func() tables.Table {
		pid := mounttest.Container(t, "private")
		mounttest.Inside(t, pid, func() error {
			return errors.Join(unix.Mount(staging, data, "", unix.MS_BIND, ""), unix.Unmount(staging, unix.MNT_DETACH))
		})
		return tableOf(t, pid, device)
	}
	now, added := container(), container()
	was := now
	was.Mounts = append([]tables.Mount{{ID: 1 << 30, Parent: now.Mounts[0].ID, Point: data + "/dropped"}}, now.Mounts...)
	ended := tables.Table{Namespace: 1, PID: 1 << 22, Start: 1, Mounts: now.Mounts}
	h.serve(t, 1, map[string]string{"id": staging})
	s := h.Served()[0]
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: device, StagingPath: staging, Graph: "old", Tables: []tables.Table{ended, was}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second scan changes nothing
		h.rememberOne(t.Context(), s, scanResult{complete: true, saves: h.memory.saves(s.Client), seen: []tables.Table{now, added}})
		got, _ := h.memory.get(s.Client)
		if got.Graph != "old" || len(got.Tables) != 2 || got.Tables[0].PID != now.PID || len(got.Tables[0].Mounts) != 2 || got.Tables[1].PID != added.PID {
			t.Errorf("%+v", got)
		}
	}
	if saves := h.memory.saves(s.Client); saves != 2 {
		t.Errorf("saved %d times, want twice", saves)
	}
}

package healing

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestAnotherDirectoryOfTheName: an inner mount is put back on its directory, and not on another directory with the same name.
func TestAnotherDirectoryOfTheName(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, scratch := filepath.Join(dir, "staging"), filepath.Join(dir, "scratch")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	mountAt(t, scratch, "scratch", "tmpfs", "")
	point, moved := filepath.Join(staging, "inner"), filepath.Join(staging, "moved")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	pid := mounttest.Container(t, "private")
	mounttest.Inside(t, pid, func() error { return unix.Mount(scratch, point, "", unix.MS_BIND, "") })
	served := fuseclient.Served{VolumeID: "id", Volume: "vol", StagingPath: staging, Device: device}
	seen := h.withDirectories(t.Context(), served, h.scanOf(t, pid, device), nil)
	directory := seen[0].Mounts[1].Directory
	if directory == 0 || seen[0].Mounts[0].Directory != 0 {
		t.Fatalf("%+v", seen[0].Mounts)
	}
	served.StagingPath = "/nowhere" // known directories are not asked for again
	if again := h.withDirectories(t.Context(), served, []tables.Table{tableOf(t, pid, device)}, seen); again[0].Mounts[1].Directory != directory {
		t.Errorf("%+v", again[0].Mounts)
	}
	mounttest.Inside(t, pid, func() error { return unix.Unmount(point, 0) })
	if err := errors.Join(os.Rename(point, moved), os.Mkdir(point, 0o755)); err != nil {
		t.Fatal(err)
	}
	snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: seen}
	r := h.testRepairer(t, staging)
	if err := r.restore(snapshot, false); err != nil || len(r.outcome.Lost) != 1 || r.outcome.Mounts != 0 {
		t.Errorf("%+v, %v", r.outcome, err)
	}
	if got := pointsOf(tableOf(t, pid, device)); !slices.Equal(got, []string{staging}) {
		t.Errorf("the container has %v", got)
	}
	inner := seen[0].Mounts[1]
	for name, want := range map[string]bool{"inner": true, "moved": false} {
		inner.Point = filepath.Join(staging, name)
		tree, err := r.cloneFormer(inner)
		if err != nil {
			t.Fatal(err)
		}
		err = r.attachBelow(r.staging, name, inner, tree)
		if errors.Is(err, errLost) != want || !want && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = tree.Close()
	}
	_ = unix.Unmount(moved, unix.MNT_DETACH)
}

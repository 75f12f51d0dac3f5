package healing

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestReplaceDead: the mounts of an ended client are replaced on the node and in a container, where the mounts inside are
// restored as well. A tmpfs stands for the next client's mount: its root has the inode number of a FUSE root.
func TestReplaceDead(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			h, dir := newHealer(t), t.TempDir()
			staging, target, scratch := filepath.Join(dir, "staging"), filepath.Join(dir, "target"), filepath.Join(dir, "scratch")
			fresh := mountAt(t, staging, "server:/vol", "tmpfs", "")
			write(t, staging, "inner", "below")
			scratchDevice := mountAt(t, scratch, "scratch", "tmpfs", "")
			write(t, scratch, "file")
			dead := deadVolume(t, target)
			pid := mounttest.Container(t, "private")
			table := tableOf(t, pid, dead)
			was := table.Mounts[0]
			inner := tables.Mount{
				ID: 1 << 30, Parent: was.ID, Device: scratchDevice, FSType: "tmpfs", Source: "scratch", Root: "/", Point: target + "/inner",
				Options: "ro,nosuid,relatime", Node: scratch,
			}
			table.Mounts = append(table.Mounts, inner)
			snapshot := tables.Snapshot{VolumeID: "id", Client: "old", Device: dead, Tables: []tables.Table{table}}
			h.askOnce(t)
			before := mounttest.Descriptors(t)
			r := h.testRepairer(t, staging)
			r.former = []tables.Snapshot{snapshot}
			if !r.replaceDead(snapshot) {
				t.Errorf("dead mounts are left: %+v", r.outcome)
			}
			if r.outcome.Mounts != 2 || r.outcome.Pending != 0 || len(r.outcome.Lost) != 0 || (r.outcome.Covered == 0) != (layers == 1) ||
				(len(r.outcome.coveredIn) == 0) != (layers == 1) {
				t.Errorf("%+v", r.outcome)
			}
			if got := deviceAt(t, target); got != fresh {
				t.Errorf("the node has %s, want %s", got, fresh)
			}
			mounttest.Inside(t, pid, func() error {
				content, err := os.ReadFile(filepath.Join(target, "inner/file"))
				if string(content) != "file" {
					t.Errorf("inside: %q, %v", content, err)
				}
				if err := os.WriteFile(filepath.Join(target, "inner/file"), nil, 0o600); !errors.Is(err, unix.EROFS) {
					t.Errorf("writing through a read-only mount: %v", err)
				}
				return nil
			})
			r.close()
			h.forget(t.Context(), []tables.Snapshot{snapshot})
			if after := mounttest.Descriptors(t); after > before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

// TestReplaceDeadGivesUp: irreparable mounts are given up, and the others are repaired.
func TestReplaceDeadGivesUp(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, target := filepath.Join(dir, "staging"), filepath.Join(dir, "target")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	dead := deadVolume(t, target)
	pid := mounttest.Container(t, "private")
	table := tableOf(t, pid, dead)
	table.Mounts = append(table.Mounts, tables.Mount{
		ID: 1 << 30, Parent: table.Mounts[0].ID, Device: mount.Device{Major: 9, Minor: 9}, FSType: "tmpfs", Source: "gone", Root: "/", Point: target + "/inner",
	})
	snapshot := tables.Snapshot{VolumeID: "id", Client: "old", Device: dead, Tables: []tables.Table{table}}
	r := h.testRepairer(t, staging)
	r.former, r.outcome.Pending = []tables.Snapshot{snapshot}, 1 // pending for another former client
	if r.replaceDead(snapshot) {
		t.Error("replaceDead reports success, but a dead mount is left")
	}
	if r.outcome.Mounts != 1 || r.outcome.Pending != 1 || len(r.outcome.Lost) != 1 || r.outcome.Lost[0].Point != target {
		t.Errorf("%+v", r.outcome)
	}
	if got := tableOf(t, pid, dead); len(got.Mounts) != 1 { // a dead mount is better than one without its inner mounts
		t.Errorf("the container has %+v", got.Mounts)
	}
}

// TestHiddenMountIsSkipped: a dead mount that no path leads to does not keep others from being repaired.
func TestHiddenMountIsSkipped(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, above := filepath.Join(dir, "staging"), filepath.Join(dir, "above")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	dead := deadVolume(t, filepath.Join(above, "target"))
	mountAt(t, above, "cover", "tmpfs", "")
	r := h.testRepairer(t, staging)
	r.replaceDead(tables.Snapshot{VolumeID: "id", Client: "old", Device: dead})
	if r.outcome.Mounts != 0 || r.outcome.Pending != 0 || len(r.outcome.Lost) != 0 {
		t.Errorf("%+v", r.outcome)
	}
	if err := unix.Unmount(above, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
}

// TestRestore: after a change of the graph, the mounts that the kernel dropped in a container are restored, and nothing else.
func TestRestore(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging := filepath.Join(dir, "staging")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	for _, name := range []string{"kept", "dropped", "removed", "linked", "file"} {
		mountAt(t, filepath.Join(staging, name), name, "tmpfs", "")
		write(t, staging, name, "file")
	}
	pid := mounttest.Container(t, "private")
	snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: h.scanOf(t, pid, device)}
	mounttest.Inside(t, pid, func() error {
		var err error
		for _, name := range []string{"dropped", "removed", "linked", "file"} {
			err = errors.Join(err, unix.Unmount(filepath.Join(staging, name), unix.MNT_DETACH))
		}
		return err
	})
	for _, name := range []string{"removed", "linked", "file"} {
		move := filepath.Join(dir, name) // keeps its file system on the node
		if err := errors.Join(os.Mkdir(move, 0o755), unix.Mount(filepath.Join(staging, name), move, "", unix.MS_BIND, ""),
			unix.Unmount(filepath.Join(staging, name), 0), os.Remove(filepath.Join(staging, name))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(move, unix.MNT_DETACH) })
	}
	if err := os.Symlink("/etc", filepath.Join(staging, "linked")); err != nil { // made by a user of the volume
		t.Fatal(err)
	}
	write(t, staging, "file")
	r := h.testRepairer(t, staging)
	for range 2 { // the second time there is nothing to do
		if err := r.restore(snapshot, false); err != nil {
			t.Fatal(err)
		}
	}
	if r.outcome.Mounts != 1 || r.outcome.Pending != 0 || len(r.outcome.Lost) != 3 || len(r.outcome.returned) != 1 {
		t.Errorf("%+v", r.outcome)
	}
	if lost := r.outcome.lostIn; len(lost) != 1 || lost[0].PID != pid || len(lost[0].Mounts) != 3 || lost[0].Mounts[0].ID != 0 {
		t.Errorf("lost are %+v, want three that are not mounted", lost)
	}
	want := []string{staging, staging + "/dropped", staging + "/kept"}
	if got := pointsOf(tableOf(t, pid, device)); !slices.Equal(got, want) {
		t.Errorf("the container has %v, want %v", got, want)
	}
}

// TestRestoreWithoutTheContainer: the container has ended.
func TestRestoreWithoutTheContainer(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	r := h.testRepairer(t, staging)
	ended := tables.Table{Namespace: 1, PID: 1 << 22, Start: 1, Mounts: []tables.Mount{{ID: 1, Device: device, Point: staging}}}
	if err := r.restore(tables.Snapshot{Device: device, Tables: []tables.Table{ended}}, false); err != nil || r.outcome.Pending != 0 {
		t.Errorf("%v, %+v", err, r.outcome)
	}
}

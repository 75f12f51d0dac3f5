package healing

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestReusedDeviceNumber: two volumes show the same gluster volume, and their clients end at the same time. While the first
// volume is being repaired, the second volume's new client may get the device number of the first volume's former client. The
// mounts of the second volume stay.
func TestReusedDeviceNumber(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			kernel(t)
			h, dir := newHealer(t), t.TempDir()
			staging, second := filepath.Join(dir, "staging"), filepath.Join(dir, "second")
			mountAt(t, staging, "server:/vol", "tmpfs", "")
			dead := deadVolume(t, filepath.Join(dir, "target"))
			r := h.testRepairer(t, staging)
			snapshot := tables.Snapshot{VolumeID: "id", Client: "old", Device: dead}
			r.replaceDead(snapshot)
			mountAt(t, second, "server:/vol", mount.FSType, fuseOptions(openFuse(t)))
			before := tableOf(t, os.Getpid(), deviceAt(t, second)).Mounts
			r.replaceDead(snapshot)
			if r.outcome.Mounts != 1 {
				t.Errorf("%d mounts were replaced, want only the first volume's", r.outcome.Mounts)
			}
			if after := tableOf(t, os.Getpid(), deviceAt(t, second)).Mounts; after[0].ID != before[0].ID || after[0].FSType != before[0].FSType {
				t.Errorf("the second volume's mount was %+v and is %+v", before[0], after[0])
			}
		})
	}
}

// TestDeviceBetweenAttempts: between two attempts, the kernel gives the device number of a former client to no other one, although the
// former client has no mount any more. It does so when the repair is over.
func TestDeviceBetweenAttempts(t *testing.T) {
	mounttest.Kernels()["beneath"](t)
	h, dir := newHealer(t), t.TempDir()
	staging := filepath.Join(dir, "staging")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	former := tables.Snapshot{VolumeID: "id", Client: "old", Device: deadVolume(t, filepath.Join(dir, "target"))}
	if err := h.memory.put(former); err != nil {
		t.Fatal(err)
	}
	r := h.testRepairer(t, staging)
	if r.replaceDead(former); r.outcome.Mounts != 1 {
		t.Fatalf("%+v", r.outcome)
	}
	r.close()
	if got := deadVolume(t, filepath.Join(dir, "second")); got == former.Device {
		t.Errorf("another client has the number %s", got)
	}
	if h.forgetReplaced(t.Context(), "id", "new", []tables.Snapshot{former}); len(h.held) != 0 {
		t.Error("the former client's mount is kept for ever")
	}
}

// TestDeviceAfterAnUnstage: if a volume is unstaged while a repair begins, no mount of its client is kept for ever.
func TestDeviceAfterAnUnstage(t *testing.T) {
	h, target := newHealer(t), filepath.Join(t.TempDir(), "target")
	former := tables.Snapshot{VolumeID: "id", Client: "old", Device: deadVolume(t, target)}
	if err := h.memory.put(former); err != nil {
		t.Fatal(err)
	}
	point, err := mount.OpenPath(target)
	if err != nil {
		t.Fatal(err)
	}
	defer point.Close()
	h.forget(t.Context(), []tables.Snapshot{former})
	if h.hold(former, point); len(h.held) != 0 {
		t.Error("the mount is kept")
	}
}

// TestDeviceOfALaterClient: while no node plugin ran, another volume's client got the device number of a former client, and has ended,
// too. Its mounts are not those of the former client.
func TestDeviceOfALaterClient(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, target := filepath.Join(dir, "staging"), filepath.Join(dir, "target")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	dead := deadVolume(t, target)
	for _, other := range []struct {
		client string
		mounts int
	}{{"b-1800000000000000001", 0}, {"b-1700000000000000000", 1}} {
		if err := h.memory.put(tables.Snapshot{VolumeID: "other", Client: other.client, Device: dead}); err != nil {
			t.Fatal(err)
		}
		r := h.testRepairer(t, staging)
		done := r.replaceDead(tables.Snapshot{VolumeID: "id", Client: "a-1800000000000000000", Device: dead})
		if !done || r.outcome.Mounts != other.mounts {
			t.Errorf("%s: done: %t, %+v", other.client, done, r.outcome)
		}
		if err := h.memory.remove(other.client); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeviceOfAnotherVolume: a device that is mounted at the staging path of another volume is not searched for dead mounts, even if
// that volume's client has ended.
func TestDeviceOfAnotherVolume(t *testing.T) {
	own := self(t)
	d, other := mount.Device{Minor: 1}, mount.Device{Minor: 2}
	served := []fuseclient.Served{{VolumeID: "id", StagingPath: "/own"}, {VolumeID: "other", StagingPath: "/other"}}
	here := func(device mount.Device, points ...string) []tables.Table {
		table := tables.Table{PID: own.PID, Start: own.Start}
		for _, point := range points {
			table.Mounts = append(table.Mounts, tables.Mount{Device: device, Point: point})
		}
		return []tables.Table{table}
	}
	for name, tt := range map[string]struct {
		found []tables.Table
		want  bool
	}{
		"no mounts":                       {nil, false},
		"only a target":                   {here(d, "/target"), false},
		"its own staging path":            {here(d, "/own", "/target"), false},
		"the other's":                     {here(d, "/other"), true},
		"the other's, of another device":  {here(other, "/other"), false},
		"both":                            {here(d, "/own", "/other"), false},
		"the other's, in another process": {[]tables.Table{{PID: 1 << 22, Mounts: here(d, "/other")[0].Mounts}}, false},
	} {
		if got := isOfAnotherVolume(d, tt.found, served[0], served); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

package healing

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestReusedInnerDevice: a tmpfs that only the container had inside the volume is lost. The kernel gives its device number to the
// next tmpfs, such as another pod's emptyDir, which the container must not get. A tmpfs that the node has is put back.
func TestReusedInnerDevice(t *testing.T) {
	for name, onNode := range map[string]bool{"only in the container": false, "on the node": true} {
		t.Run(name, func(t *testing.T) {
			h, dir := newHealer(t), t.TempDir()
			staging, emptyDir := filepath.Join(dir, "staging"), filepath.Join(dir, "emptydir")
			device := mountAt(t, staging, "server:/vol", "tmpfs", "")
			mountAt(t, emptyDir, "tmpfs", "tmpfs", "")
			inner := filepath.Join(staging, "inner")
			if err := os.Mkdir(inner, 0o755); err != nil {
				t.Fatal(err)
			}
			pid := mounttest.Container(t, "private")
			mounttest.Inside(t, pid, func() error {
				if onNode {
					return unix.Mount(emptyDir, inner, "", unix.MS_BIND, "")
				}
				return unix.Mount("tmpfs", inner, "tmpfs", 0, "")
			})
			snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: h.scanOf(t, pid, device)}
			was := snapshot.Tables[0].Mounts[1]
			if (was.Node == emptyDir) != onNode || (was.Node == "") == onNode {
				t.Errorf("on the node it is at %q", was.Node)
			}
			mounttest.Inside(t, pid, func() error { return unix.Unmount(inner, unix.MNT_DETACH) })
			want := 1
			if !onNode {
				want = 0
				mountWithNumber(t, filepath.Join(dir, "others"), was.Device)
			}
			r := h.testRepairer(t, staging)
			if err := r.restore(snapshot, false); err != nil {
				t.Fatal(err)
			}
			if r.outcome.Mounts != want || len(r.outcome.Lost) != 1-want || r.outcome.Pending != 0 || len(tableOf(t, pid, device).Mounts) != 1+want {
				t.Errorf("%+v; want %d mounts repaired", r.outcome, want)
			}
		})
	}
}

// mountWithNumber mounts file systems until one has a device number, which the kernel frees a moment after the last unmount.
func mountWithNumber(t *testing.T, dir string, number mount.Device) {
	t.Helper()
	for i := range 1000 {
		if mountAt(t, filepath.Join(dir, strconv.Itoa(i)), "tmpfs", "tmpfs", "") == number {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the kernel does not reuse the number")
}

// TestKeepNotes: what was noted for a mount stays as long as the mount is there.
func TestKeepNotes(t *testing.T) {
	table := func(inner tables.Mount) tables.Table {
		return tables.Table{PID: 1 << 22, Mounts: []tables.Mount{inner}}
	}
	inner := tables.Mount{ID: 2, Parent: 1, Device: mount.Device{Minor: 5}, Point: "/data/tmp"}
	noted := inner
	noted.Node = "/emptydir"
	another := inner
	another.Device.Minor++
	for name, tt := range map[string]struct {
		now  tables.Mount
		want string
	}{
		"the same": {inner, noted.Node}, "of another device": {another, ""},
	} {
		seen := []tables.Table{table(tt.now)}
		keepNotes(seen, []tables.Table{table(noted)})
		if got := seen[0].Mounts[0].Node; got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

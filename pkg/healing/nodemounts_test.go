package healing

import (
	"errors"
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

// TestSharedInnerDevice: several pods on the node have the same file system, such as one of NFS, inside the volume. The pod whose mount
// was found first may be deleted; the others still get theirs back.
func TestSharedInnerDevice(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, first, second := filepath.Join(dir, "staging"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	mountAt(t, first, "tmpfs", "tmpfs", "")
	inner := filepath.Join(staging, "inner")
	if err := errors.Join(os.Mkdir(inner, 0o755), os.Mkdir(second, 0o755), bindAt(first, second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(second, unix.MNT_DETACH) })
	pid := mounttest.Container(t, "private")
	mounttest.Inside(t, pid, func() error { return bindAt(second, inner) })
	snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device}
	for _, want := range []string{first, second} {
		snapshot.Tables = h.scanOf(t, pid, device)
		if got := snapshot.Tables[0].Mounts[1].Node; got != want {
			t.Errorf("on the node it is at %q, want %q", got, want)
		}
		if err := h.memory.put(snapshot); err != nil {
			t.Fatal(err)
		}
		if err := unix.Unmount(first, unix.MNT_DETACH); err != nil && want == first {
			t.Fatal(err)
		}
	}
	mounttest.Inside(t, pid, func() error { return unix.Unmount(inner, unix.MNT_DETACH) })
	r := h.testRepairer(t, staging)
	if err := r.restore(snapshot, false); err != nil || r.outcome.Mounts != 1 || len(r.outcome.Lost) != 0 {
		t.Errorf("%+v, %v", r.outcome, err)
	}
}

// TestNodeOf: the path of the container's own pod comes before older mounts, and a mount that was not there at both times does not
// count.
func TestNodeOf(t *testing.T) {
	m := tables.Mount{Device: mount.Device{Minor: 5}, FSType: "nfs4", Source: "server:/export", Root: "/"}
	at := func(id int, point string) tables.Mount {
		other := m
		other.ID, other.Point = id, point
		return other
	}
	first, own := at(1, "/var/lib/kubelet/pods/other/volumes/nfs/mount"), at(2, "/var/lib/kubelet/pods/own/volumes/nfs/mount")
	all := []tables.Mount{first, own}
	for name, tt := range map[string]struct {
		pod   string
		after []tables.Mount
		want  string
	}{
		"its pod's":                    {"own", all, own.Point},
		"its pod's is gone":            {"own", all[:1], first.Point},
		"outside pods":                 {"", all, first.Point},
		"a pod without such a path":    {"ow", all, first.Point},
		"the older one was not there":  {"", all[1:], own.Point},
		"nothing was there both times": {"own", nil, ""},
	} {
		if got := nodeOf(tt.pod, m, all, tt.after); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
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

package healing

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// serve makes h serve the volumes that are staged at the given paths, with clients of one generation. This process stands for the
// clients.
func (h *Healer) serve(t *testing.T, generation int, staging map[string]string) {
	t.Helper()
	records := make([]map[string]any, 0, len(staging))
	for id, path := range staging {
		records = append(records, map[string]any{
			"version": 1, "stagingPath": path, "generation": generation, "process": self(t), "device": deviceAt(t, path),
			"source": mount.Source{VolumeID: id, Volume: "vol-" + id, Servers: []string{"127.0.0.1"}},
		})
	}
	h.Manager = managerOf(t, records...)
	for _, s := range h.Served() {
		if !s.Alive || s.Client == "" {
			t.Fatalf("served is %+v", s)
		}
	}
}

// managerOf returns a manager that finds these records in its state directory.
func managerOf(t *testing.T, records ...map[string]any) *fuseclient.Manager {
	t.Helper()
	dir := t.TempDir()
	volumes := filepath.Join(dir, "volumes")
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err := errors.Join(err, os.Mkdir(volumes, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		record["bootID"] = strings.TrimSpace(string(boot))
		content, err := json.Marshal(record)
		id := record["source"].(mount.Source).VolumeID
		name := fmt.Sprintf("%x", sha256.Sum256([]byte(id)))[:32] + ".json"
		if err := errors.Join(err, os.WriteFile(filepath.Join(volumes, name), content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	clients, err := fuseclient.NewManager(t.Context(), fuseclient.Config{StateDir: dir, Glusterfs: "/does/not/exist"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	return clients
}

func self(t *testing.T) mount.Process {
	t.Helper()
	p, err := mount.IdentifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func openFuse(t *testing.T) int {
	t.Helper()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(dev) })
	return dev
}

func fuseOptions(dev int) string {
	return fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev)
}

// TestInnerVolumes: a volume that is mounted inside another one is put back, even if it has a new client by then. The type and
// the source of a mount do not suffice: a container may have chosen them, and a volume of another cluster may have the same name.
// Snapshots of earlier versions do not show volumes.
func TestInnerVolumes(t *testing.T) {
	for _, c := range []struct {
		name          string
		forged, older bool
		want          bool
	}{
		{name: "genuine", want: true},
		{name: "forged", forged: true},
		{name: "older snapshot", older: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, dir := newHealer(t), t.TempDir()
			staging, other := filepath.Join(dir, "staging"), filepath.Join(dir, "other")
			device := mountAt(t, staging, "server:/vol", "tmpfs", "")
			mountAt(t, other, "server:/vol-other", mount.FSType, fuseOptions(openFuse(t)))
			inner := filepath.Join(staging, "inner")
			if err := os.Mkdir(inner, 0o755); err != nil {
				t.Fatal(err)
			}
			h.serve(t, 1, map[string]string{"other": other})
			pid := mounttest.Container(t, "private")
			mounttest.Inside(t, pid, func() error {
				if c.forged {
					return unix.Mount("server:/vol-other", inner, mount.FSType, 0, fuseOptions(openFuse(t)))
				}
				return unix.Mount(other, inner, "", unix.MS_BIND, "")
			})
			snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: h.scanOf(t, pid, device)}
			if err := h.memory.put(snapshot); err != nil {
				t.Fatal(err)
			}
			if got := snapshot.Tables[0].Mounts[1].Volume; got == "" != c.forged {
				t.Errorf("the mount belongs to volume %q", got)
			}

			if err := unix.Unmount(other, unix.MNT_DETACH); err != nil { // the inner volume gets a new client
				t.Fatal(err)
			}
			now := mountAt(t, other, "server:/vol-other", mount.FSType, fuseOptions(openFuse(t)))
			h.serve(t, 2, map[string]string{"other": other})
			snapshot.Tables = h.scanOf(t, pid, device)
			if got := snapshot.Tables[0].Mounts[1].Volume; got == "" != c.forged {
				t.Errorf("the mount of the former client belongs to volume %q", got)
			}
			mounttest.Inside(t, pid, func() error { return unix.Unmount(inner, unix.MNT_DETACH) })
			if c.older {
				snapshot.Tables[0].Mounts[1].Volume = ""
			}
			r := h.testRepairer(t, staging)
			if err := r.restore(snapshot, false); err != nil {
				t.Fatal(err)
			}
			table := tableOf(t, pid, device)
			back := slices.ContainsFunc(table.Mounts, func(m tables.Mount) bool { return m.Point == inner && m.Device == now })
			if back != c.want || len(table.Mounts) != 1+r.outcome.Mounts || r.outcome.Pending != 0 || len(r.outcome.Lost) != 1-r.outcome.Mounts {
				t.Errorf("put back: %t, want %t; %+v, %+v", back, c.want, r.outcome, table.Mounts)
			}
		})
	}
}

// scanOf returns a container's table.
func (h *Healer) scanOf(t *testing.T, pid int, d mount.Device) []tables.Table {
	t.Helper()
	found, err := h.scan([]mount.Device{d})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(found[d], func(seen tables.Table) bool { return seen.PID == pid })
	if i < 0 {
		t.Fatalf("process %d is not among %+v", pid, found[d])
	}
	return found[d][i : i+1]
}

// TestInnerVolumeWithoutClient: a volume inside another one is tried again if it has no client, and lost if its mount has the
// source of another volume.
func TestInnerVolumeWithoutClient(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	r := h.testRepairer(t, staging)
	r.volume.Alive = false
	inner := tables.Mount{FSType: mount.FSType, Source: "server:/vol", Root: "/", Volume: "id"}
	if _, err := r.cloneFormer(inner); !errors.Is(err, mount.ErrUnavailable) {
		t.Error(err)
	}
	inner.Source = "server:/elsewhere"
	if _, err := r.cloneFormer(inner); !errors.Is(err, errLost) {
		t.Error(err)
	}
}

// TestInnerVolumeIsNotMountedYet: while a volume inside another one gets a new client, the former client's mount is at the staging
// path. It must not be put back.
func TestInnerVolumeIsNotMountedYet(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, other := filepath.Join(dir, "staging"), filepath.Join(dir, "other")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	mountAt(t, other, "server:/vol-other", "tmpfs", "")
	h.serve(t, 1, map[string]string{"other": other})
	r := h.testRepairer(t, staging)
	inner := tables.Mount{FSType: mount.FSType, Source: "server:/vol-other", Root: "/", Volume: "other"}
	tree, err := r.cloneFormer(inner)
	if err != nil {
		t.Fatal(err)
	}
	_ = tree.Close()
	mountDead(t, other)
	if _, err := r.cloneFormer(inner); !errors.Is(err, mount.ErrUnavailable) {
		t.Error(err)
	}
}

// TestInnerDirectoryOfAVolume: a volume that is a directory of a gluster volume is put back inside another volume, also if a client
// of an older version of the driver, which has the directory as its root, had mounted it there.
func TestInnerDirectoryOfAVolume(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	write(t, staging, "in", "file")
	var want unix.Stat_t
	if err := unix.Stat(filepath.Join(staging, "in"), &want); err != nil {
		t.Fatal(err)
	}
	r := h.testRepairer(t, staging)
	r.volume.Subdir = "sub"
	for _, c := range []struct {
		source, root string
		want         bool
	}{
		{"server:/vol", "/sub/in", true}, {"server:/vol", "/in", false}, {"server:/vol", "/", false}, {"server:/vol/sub", "/in", true},
	} {
		tree, err := r.cloneFormer(tables.Mount{FSType: mount.FSType, Source: c.source, Root: c.root, Volume: "id"})
		if !c.want {
			if !errors.Is(err, errLost) {
				t.Errorf("%s of %s: %v", c.root, c.source, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s of %s: %v", c.root, c.source, err)
			continue
		}
		if at, err := mount.Identify(tree); err != nil || at.Inode != want.Ino {
			t.Errorf("%s of %s: %+v, %v", c.root, c.source, at, err)
		}
		_ = tree.Close()
	}
}

// TestInnerMountOfTheSameVolume: a mount of the volume inside another mount of the same volume is recognized by its device.
func TestInnerMountOfTheSameVolume(t *testing.T) {
	d := mount.Device{Minor: 1}
	r := repairer{volume: fuseclient.Served{VolumeID: "id"}}
	table := tables.Table{Mounts: []tables.Mount{
		{ID: 1, Device: d, Point: "/a"}, {ID: 2, Parent: 1, Device: d, Point: "/a/b"}, {ID: 3, Parent: 1, Device: mount.Device{Minor: 2}, Point: "/a/c"},
	}}
	if all := r.nested(table, table.Mounts[0]); len(all) != 2 || all[0].Volume != "id" || all[1].Volume != "" {
		t.Errorf("%+v", all)
	}
}

// TestVolumesThroughout: a device counts as a volume's only if the volume kept its client and is still mounted.
func TestVolumesThroughout(t *testing.T) {
	staging := filepath.Join(t.TempDir(), "staging")
	d := mountAt(t, staging, "server:/vol", "tmpfs", "")
	was := fuseclient.Served{VolumeID: "id", Client: "a", Device: d, StagingPath: staging}
	changed := func(change func(*fuseclient.Served)) fuseclient.Served {
		s := was
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		before, after fuseclient.Served
		want          string
	}{
		"the same":       {was, was, "id"},
		"another client": {changed(func(s *fuseclient.Served) { s.Client = "b" }), was, ""},
		"another device": {changed(func(s *fuseclient.Served) { s.Device.Minor++ }), was, ""},
		"no client":      {changed(func(s *fuseclient.Served) { s.Client = "" }), changed(func(s *fuseclient.Served) { s.Client = "" }), ""},
		"unmounted": {
			changed(func(s *fuseclient.Served) { s.StagingPath = "/" }), changed(func(s *fuseclient.Served) { s.StagingPath = "/" }), "",
		},
	} {
		if got := volumesThroughout([]fuseclient.Served{c.before}, []fuseclient.Served{c.after}); got[d] != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

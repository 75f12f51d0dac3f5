package healing

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestRemovedByItsContainer: mounts that a container has made do not count as missing if the container has the privilege to
// unmount them.
func TestRemovedByItsContainer(t *testing.T) {
	plain := exec.CommandContext(t.Context(), "setpriv", "--bounding-set=-sys_admin", "sleep", "1000")
	if err := plain.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = plain.Process.Kill(), plain.Wait() }()
	d, other := mount.Device{Minor: 1}, mount.Device{Minor: 2}
	volume := tables.Mount{ID: 1, Device: d, Point: "/data"}
	scratch := tables.Mount{ID: 2, Parent: 1, Device: other, Point: "/data/tmp"}
	made := tables.Mount{ID: 3, Parent: 1, Device: other, Point: "/data/chroot/src", Later: true}
	onIt := tables.Mount{ID: 4, Parent: 3, Device: other, Point: "/data/chroot/src/dev"}
	table := func(pid int, mounts ...tables.Mount) tables.Table {
		return tables.Table{Namespace: 7, PID: pid, Start: 1, Mounts: mounts}
	}
	for name, test := range map[string]struct {
		pid  int
		seen []tables.Mount
		want bool
	}{
		"its own mount":                   {os.Getpid(), []tables.Mount{volume, scratch}, false},
		"a mount from before":             {os.Getpid(), []tables.Mount{volume, made, onIt}, true},
		"without the privilege":           {plain.Process.Pid, []tables.Mount{volume, scratch}, true},
		"a process that has just ended":   {1 << 30, []tables.Mount{volume, scratch}, true},
		"nothing":                         {os.Getpid(), []tables.Mount{volume, scratch, made, onIt}, false},
		"a mount on a mount that it made": {os.Getpid(), []tables.Mount{volume, scratch, made}, false},
	} {
		kept := []tables.Table{table(test.pid, volume, scratch, made, onIt)}
		if name == "without the privilege" {
			waitForExec(t, test.pid)
		}
		if got := isMissingAny(kept, []tables.Table{table(test.pid, test.seen...)}, d); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestNoted: a mount that a container has made is marked for as long as the container's mount namespace exists. Other mounts are
// not marked.
func TestNoted(t *testing.T) {
	volume := func(id, client int, point string) tables.Mount {
		return tables.Mount{ID: id, Device: mount.Device{Minor: uint32(client)}, FSType: "fuse.glusterfs", Source: "server:/vol", Root: "/", Point: point}
	}
	inner := func(id, parent int, point string) tables.Mount {
		return tables.Mount{ID: id, Parent: parent, Device: mount.Device{Minor: 99}, FSType: "ext4", Root: "/" + point, Point: point}
	}
	later := func(m tables.Mount) tables.Mount { m.Later = true; return m }
	from := func(source, root string, m tables.Mount) tables.Mount { m.Source, m.Root = source, root; return m }
	table := func(pid int, mounts ...tables.Mount) []tables.Table {
		return []tables.Table{{Namespace: 7, PID: pid, Start: 1, Pod: "uid", Mounts: mounts}}
	}
	start := func(tables []tables.Table, start uint64) []tables.Table { tables[0].Start = start; return tables }
	data, scratch, made := volume(1, 1, "/data"), inner(2, 1, "/data/tmp"), inner(3, 1, "/data/made")
	for name, test := range map[string]struct {
		seen, kept, former []tables.Table
		want               []string
	}{
		"the first time":                   {seen: table(10, data, scratch)},
		"a mount that was not there":       {seen: table(10, data, scratch, made), kept: table(10, data, scratch), want: []string{"/data/made"}},
		"the same, again":                  {seen: table(10, data, scratch, made), kept: table(10, data, scratch, later(made)), want: []string{"/data/made"}},
		"with another id":                  {seen: table(10, data, scratch, inner(9, 1, "/data/made")), kept: table(10, data, scratch, later(made)), want: []string{"/data/made"}},
		"another process of the namespace": {seen: table(8, data, scratch, made), kept: table(10, data, scratch, later(made)), want: []string{"/data/made"}},
		"another container":                {seen: table(10, data, scratch, made), kept: start(table(10, data, scratch, later(made)), 2)},
		"the volume has another client": {
			seen:   table(10, volume(11, 2, "/data"), inner(12, 11, "/data/tmp"), inner(13, 11, "/data/made")),
			former: table(10, data, scratch, later(made)), want: []string{"/data/made"},
		},
		"the last scan counts": {
			seen: table(10, data, scratch), kept: table(10, data, scratch), former: table(10, data, later(scratch)),
		},
		"a volume inside it has another client": {
			seen: table(10, data, from("other:/b/sub", "/", volume(12, 4, "/data/b"))),
			kept: table(10, data, from("server:/b", "/sub", volume(2, 3, "/data/b"))),
		},
		"another directory of a volume inside it": {
			seen: table(10, data, from("server:/b", "/two", volume(12, 3, "/data/b"))),
			kept: table(10, data, from("server:/b", "/one", volume(2, 3, "/data/b"))), want: []string{"/data/b"},
		},
	} {
		var got []string
		for _, m := range noted(test.seen, test.kept, func() []tables.Table { return test.former })[0].Mounts {
			if m.Later {
				got = append(got, m.Point)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: made by the container are %q, want %q", name, got, test.want)
		}
	}
}

// TestFormerTables: of several former clients, the last one's tables count.
func TestFormerTables(t *testing.T) {
	h := newHealer(t)
	for _, client := range []string{"hash-1", "hash-3", "hash-2"} {
		if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: client, Tables: []tables.Table{{Pod: client}}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.former("id", ""); len(got) != 3 || got[0].Client != "hash-3" || got[2].Client != "hash-1" {
		t.Errorf("%+v", got)
	}
	if got := h.formerTables("id", "hash-3"); len(got) != 2 || got[0].Pod != "hash-2" || got[1].Pod != "hash-1" {
		t.Errorf("%+v", got)
	}
}

// waitForExec waits until setpriv has become the program that it starts.
func waitForExec(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		if name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm")); string(name) == "sleep\n" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("setpriv has not started the program")
}

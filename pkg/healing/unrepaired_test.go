package healing

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// container returns the table of a container that has the given mounts.
func container(pid int, mounts ...tables.Mount) tables.Table {
	return tables.Table{Namespace: uint64(pid), PID: pid, Start: 1, Pod: "uid", Mounts: mounts}
}

func at(id int, point string) tables.Mount { return tables.Mount{ID: id, Point: point} }

// TestUnrepaired: mounts count as not repaired until a later attempt, or a later scan, shows that they are in order.
func TestUnrepaired(t *testing.T) {
	h := newHealer(t)
	a, b := Loss{Point: "/a"}, Loss{Point: "/b"}
	expect := func(when string, want int) {
		t.Helper()
		if got := h.Unrepaired(); got != want {
			t.Errorf("%s: %d mounts, want %d", when, got, want)
		}
	}
	attempt := func(cause, pending int, lost ...Loss) {
		h.dropReported(&Outcome{VolumeID: "id", Pending: pending, Lost: lost}, cause)
	}
	expect("at the start", 0)
	attempt(byDeath, 2, a)
	expect("after a death", 3)
	attempt(byDeath, 0, a, b)
	attempt(byDeath, 0, a, b) // reported before
	expect("at the next attempts", 2)
	attempt(byGraph, 4)
	expect("during a change of the graph", 6)
	attempt(byGraph, 0)
	attempt(byDeath, 0, b)
	expect("after the restart of a container", 1)
	attempt(byDeath, 3)
	h.forgetLost("id", byDeath)
	expect("in the end", 0)

	lost := []tables.Table{container(10, at(0, "/a"), at(7, "/b"))}
	for _, s := range []tables.Snapshot{
		{VolumeID: "id", Client: "former", Lost: lost}, {VolumeID: "id", Client: "present", Lost: lost}, {VolumeID: "other", Client: "other", Lost: lost},
	} {
		if err := h.memory.put(s); err != nil {
			t.Fatal(err)
		}
	}
	expect("lost in two volumes", 4)
	attempt(byGraph, 1)
	h.tidy(map[string]bool{"other": true})
	h.forget(t.Context(), h.former("id", ""))
	expect("after an unstage", 2)
}

// TestStillLost: a loss is over when the container has ended, or when another mount is at the mount point.
func TestStillLost(t *testing.T) {
	lost := []tables.Table{container(10, at(0, "/missing"), at(7, "/stale"))}
	if left := stillLost(lost, scanResult{}); left != nil {
		t.Errorf("the process has ended, and the scan was not complete: %v", left)
	}
	here := []tables.Table{{PID: self(t).PID, Start: self(t).Start, Mounts: []tables.Mount{at(0, "/missing")}}}
	if diff := cmp.Diff(here, stillLost(here, scanResult{})); diff != "" {
		t.Errorf("the process runs, and the scan was not complete: %s", diff)
	}
	for name, tt := range map[string]struct {
		seen []tables.Table
		want []tables.Table
	}{
		"unchanged":            {seen: []tables.Table{container(11), container(10, at(1, "/"), at(7, "/stale"))}, want: lost},
		"ended":                {seen: []tables.Table{container(11, at(7, "/stale"))}},
		"mounted by the user":  {seen: []tables.Table{container(10, at(7, "/stale"), at(9, "/missing"))}, want: []tables.Table{container(10, at(7, "/stale"))}},
		"renewed":              {seen: []tables.Table{container(10, at(8, "/stale"))}, want: []tables.Table{container(10, at(0, "/missing"))}},
		"all in order":         {seen: []tables.Table{container(10, at(8, "/stale"), at(9, "/missing"))}},
		"stale mount was lost": {seen: []tables.Table{container(10)}, want: lost},
		"its id is elsewhere":  {seen: []tables.Table{container(10, at(7, "/x"), at(8, "/stale"))}, want: []tables.Table{container(10, at(0, "/missing"))}},
	} {
		if diff := cmp.Diff(tt.want, stillLost(lost, scanResult{seen: tt.seen, complete: true})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestWithLost: a mount point of a container counts once, and the number of mounts is bounded.
func TestWithLost(t *testing.T) {
	all := withLost([]tables.Table{container(10, at(1, "/a"))}, []tables.Table{container(10, at(2, "/a"), at(3, "/b")), container(11, at(4, "/a"))})
	if diff := cmp.Diff([]tables.Table{container(10, at(1, "/a"), at(3, "/b")), container(11, at(4, "/a"))}, all); diff != "" {
		t.Error(diff)
	}
	for i := range 2 * mostLost {
		all = withLost(all, []tables.Table{container(10, at(0, strconv.Itoa(i)))})
	}
	if n := mountsIn(all); n != mostLost {
		t.Errorf("%d are kept", n)
	}
}

// TestLostStaysLost: the snapshot of a new client, and so the next node plugin, still has the mounts that were lost before.
func TestLostStaysLost(t *testing.T) {
	h := newHealer(t)
	s := h.serveOne(t, self(t))
	lost := []tables.Table{container(10, at(0, "/data/a")), container(11, at(0, "/data/a"))}
	if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: "former", Lost: lost}); err != nil {
		t.Fatal(err)
	}
	h.rememberOne(t.Context(), s, scanResult{complete: true, seen: []tables.Table{container(10, at(5, "/data"))}})
	saved, known, err := h.memory.disk.Load(s.Client)
	if diff := cmp.Diff(lost[:1], saved.Lost); !known || err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if n := h.Unrepaired(); n != 1 {
		t.Errorf("%d mounts, although the former client's snapshot is out of date", n)
	}
}

// TestLostByTheGraph: a mount that could not be restored after a change of the graph counts from then on, with those lost before.
func TestLostByTheGraph(t *testing.T) {
	h := newHealer(t)
	s := h.serveOne(t, self(t))
	kept := tables.Snapshot{VolumeID: "id", Client: s.Client, Device: s.Device, Graph: "old", Lost: []tables.Table{container(10, at(0, "/data/a"))}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	h.advance(t.Context(), s, "new", Outcome{lostIn: []tables.Table{container(10, at(0, "/data/b"))}})
	if got, _ := h.memory.get(s.Client); got.Graph != "new" || h.Unrepaired() != 2 {
		t.Errorf("%d mounts, %+v", h.Unrepaired(), got)
	}
}

// TestLostWhileClientsEnd: a client has ended before it had a snapshot, and no other can be started. The mounts that were lost
// before still count.
func TestLostWhileClientsEnd(t *testing.T) {
	h := newHealer(t)
	s := h.serveOne(t, mount.Process{PID: 1 << 22, Start: 1})
	if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: "former", Lost: []tables.Table{container(10, at(0, "/data/a"))}}); err != nil {
		t.Fatal(err)
	}
	if complete, lives := h.repair(t.Context(), "id"); complete || lives {
		t.Errorf("complete: %t, lives: %t", complete, lives)
	}
	if _, known := h.memory.get(s.Client); !known || h.Unrepaired() != 1 {
		t.Errorf("%t, %d mounts", known, h.Unrepaired())
	}
}

// serveOne makes h serve the volume "id", with the given process as its client.
func (h *Healer) serveOne(t *testing.T, client mount.Process) fuseclient.Served {
	t.Helper()
	h.Manager = managerOf(t, map[string]any{
		"version": 1, "stagingPath": t.TempDir(), "generation": 2, "process": client, "device": mount.Device{Minor: 99},
		"source": mount.Source{VolumeID: "id", Volume: "vol", Servers: []string{"127.0.0.1"}},
	})
	s, staged := h.Serves("id")
	if !staged {
		t.Fatalf("%+v", s)
	}
	return s
}

package healing

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		dir, name string
		want      bool
	}{
		{"/", "/", true}, {"/", "/a", true}, {"/a", "/a", true}, {"/a", "/a/b", true},
		{"/a", "/ab", false}, {"/a/b", "/a", false}, {"/a", "/", false},
	} {
		if got := below(c.dir, c.name); got != c.want {
			t.Errorf("below(%q, %q) = %v", c.dir, c.name, got)
		}
	}
}

func TestRelative(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"/", "/", "."}, {"/", "/a/b", "a/b"}, {"/a", "/a", "."}, {"/a", "/a/b/c", "b/c"},
	} {
		if got := relative(c.from, c.to); got != c.want {
			t.Errorf("relative(%q, %q) = %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func TestInVolume(t *testing.T) {
	const whole, directory = "g1:/vol", "g1:/vol/sub" // sources; the root of the second is the directory
	for _, c := range []struct{ subdir, source, root, want string }{
		{"", whole, "/", "."}, {"", whole, "/a/b", "a/b"},
		{"sub", whole, "/sub", "."}, {"sub", whole, "/sub/a", "a"}, {"sub", whole, "/sub/sub/a", "sub/a"}, {"sub", whole, "/subway", "subway"},
		{"sub", directory, "/", "."}, {"sub", directory, "/a", "a"}, {"sub", directory, "/sub/a", "sub/a"}, {"sub", directory, "/sub", "sub"},
		{"a/b", whole, "/a/b/c", "c"}, {"a/b", "g1:/vol/a/b", "/a/b/c", "a/b/c"},
	} {
		r := repairer{volume: fuseclient.Served{Volume: "vol", Subdir: c.subdir}}
		if got := r.inVolume(tables.Mount{Source: c.source, Root: c.root}); got != c.want {
			t.Errorf("%s of %q = %q, want %q", c.root, c.subdir, got, c.want)
		}
	}
}

func TestTag(t *testing.T) {
	for _, c := range []struct{ propagation, kind, want string }{
		{"", "shared:", ""}, {"shared:7", "shared:", "7"}, {"shared:7 master:2", "master:", "2"}, {"master:2 propagate_from:1", "shared:", ""},
	} {
		if got := tag(c.propagation, c.kind); got != c.want {
			t.Errorf("%s in %q = %q", c.kind, c.propagation, got)
		}
	}
}

// TestWhichMountsAreReplaced: hidden mounts are not replaced. Mounts inside others are replaced together with the outer mount,
// not separately.
func TestWhichMountsAreReplaced(t *testing.T) {
	dead, other := mount.Device{Minor: 1}, mount.Device{Minor: 2}
	table := tables.Table{Mounts: []tables.Mount{
		{ID: 1, Parent: 0, Device: dead, Point: "/a"},
		{ID: 2, Parent: 1, Device: dead, Point: "/a/in"},
		{ID: 3, Parent: 0, Device: dead, Point: "/b"},
		{ID: 4, Parent: 3, Device: other, Point: "/b"},
		{ID: 5, Parent: 1, Device: other, Point: "/a/other"},
	}}
	for i, want := range []struct{ cover, inside bool }{{false, false}, {false, true}, {true, false}} {
		m := table.Mounts[i]
		if cover, inside := hasCover(table, m), isBelow(table, m, dead); cover != want.cover || inside != want.inside {
			t.Errorf("%s: covered %v, inside %v", m.Point, cover, inside)
		}
	}
}

// TestInside: the list has the present mounts inside a mount, and those that existed while a former client lived, in the same
// namespace at the same place.
func TestInside(t *testing.T) {
	device := mount.Device{Minor: 1}
	then := func(namespace uint64, pid int, points ...string) tables.Table {
		all := tables.Table{Namespace: namespace, PID: pid, Mounts: []tables.Mount{{ID: 1, Device: device, Point: "/a"}}}
		for i, point := range points {
			all.Mounts = append(all.Mounts, tables.Mount{ID: i + 2, Parent: 1, Point: point})
		}
		return all
	}
	r := repairer{former: []tables.Snapshot{{Device: device, Tables: []tables.Table{
		then(5, 1<<22, "/a/now", "/a/then"), then(6, 60, "/a/elsewhere"), then(0, 70, "/a/unseen"),
	}}}}
	reused := then(5, 1<<22+1, "/a/now")
	reused.Mounts[0].Parent, reused.Mounts[1].ID = 9, 99
	for _, c := range []struct {
		now  tables.Table
		want string
	}{
		{then(5, 1<<22, "/a/now"), "[/a/now /a/then]"},
		{then(5, 1<<22+1, "/a/now"), "[/a/now /a/then]"}, // recognized by its mounts
		{reused, "[/a/now]"},
		{then(0, 70), "[/a/unseen]"},
		{then(0, 71), "[]"},
		{then(7, 50), "[]"},
	} {
		nested, err := r.inside(c.now, c.now.Mounts[0])
		if got := fmt.Sprint(pointsOf(tables.Table{Mounts: nested})); got != c.want || err != nil {
			t.Errorf("%d, %d: %s, %v, want %s", c.now.Namespace, c.now.PID, got, err, c.want)
		}
	}
	for name, change := range map[string]func(now, then *tables.Table){
		"now":                   func(now, _ *tables.Table) { now.Mounts[0].Partial = true },
		"then":                  func(_, then *tables.Table) { then.Mounts[0].Partial = true },
		"the mount itself then": func(_, then *tables.Table) { then.Mounts, then.LeftOut = nil, 1 },
	} {
		now, was := then(5, 50), then(5, 50)
		change(&now, &was)
		r.former[0].Tables = []tables.Table{was}
		if _, err := r.inside(now, now.Mounts[0]); !errors.Is(err, errLost) {
			t.Errorf("too much %s: %v", name, err)
		}
	}
}

func TestNote(t *testing.T) {
	r := repairer{Healer: newHealer(t), ctx: t.Context()}
	pod, m := tables.Table{Pod: "uid"}, tables.Mount{Point: "/data"}
	r.note(pod, m, false, nil)
	r.note(pod, m, true, nil)
	r.note(tables.Table{}, m, false, nil)
	r.note(pod, m, false, errGone)
	r.note(pod, m, false, unix.EIO)
	for range 2 { // two passes
		r.note(pod, m, false, lostIfMissing(unix.ENOENT))
	}
	got := r.outcome
	if got.Mounts != 3 || got.Covered != 1 || got.Pending != 1 || len(got.Lost) != 1 || len(got.Pods) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLostIfMissing(t *testing.T) {
	for err, want := range map[error]bool{
		unix.ENOENT: true, unix.ENOTDIR: true, unix.ELOOP: true, unix.EXDEV: true, unix.ENOTCONN: false, mount.ErrTimeout: false,
	} {
		if got := errors.Is(lostIfMissing(err), errLost); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	if lostIfMissing(nil) != nil {
		t.Error("nil became an error")
	}
}

// TestIsOwn: an earlier node plugin may have saved the table of a process whose number this one has now.
func TestIsOwn(t *testing.T) {
	own, err := tables.Read(os.Getpid(), mount.Device{})
	if err != nil {
		t.Fatal(err)
	}
	if !isOwn(own) {
		t.Error("this process is not recognized")
	}
	own.Start--
	if isOwn(own) {
		t.Error("an earlier process counts as this one")
	}
}

func TestWithKept(t *testing.T) {
	seen := []tables.Table{{Namespace: 1, PID: 10, Pod: "seen"}}
	all := withKept(seen, []tables.Table{{Namespace: 1, PID: 10, Pod: "kept"}, {Namespace: 2, PID: 20, Pod: "kept"}})
	if len(all) != 2 || all[0].Pod != "seen" || all[1].PID != 20 {
		t.Errorf("%+v", all)
	}
}

func TestIsMissingAny(t *testing.T) {
	d, other := mount.Device{Minor: 1}, mount.Device{Minor: 2}
	volume := tables.Mount{ID: 1, Device: d, Point: "/data"}
	inner := tables.Mount{ID: 2, Parent: 1, Device: other, Point: "/data/tmp"}
	table := func(pid int, mounts ...tables.Mount) tables.Table {
		return tables.Table{Namespace: 7, PID: pid, Start: 1, Mounts: mounts}
	}
	kept := []tables.Table{table(10, volume, inner)}
	for name, test := range map[string]struct {
		seen tables.Table
		want bool
	}{
		"nothing missing":            {table(10, volume, inner), false},
		"dropped":                    {table(10, volume), true},
		"another mount at its place": {table(10, volume, tables.Mount{ID: 3, Parent: 1, Device: other, Point: "/data/tmp"}), false},
		"the volume is gone, too":    {table(10), false},
		"another process":            {table(11, volume), false},
	} {
		if got := isMissingAny(kept, []tables.Table{test.seen}, d); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

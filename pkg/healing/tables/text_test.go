package tables

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

const table = `21 21 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /proc rw,nosuid - proc none rw
50 41 0:60 / /data/t\040mp/deep ro shared:4 master:2 - tmpfs secret rw
40 21 0:42 / /data rw,noatime master:7 - fuse.glusterfs g1:/vol rw,user_id=0
41 40 0:50 / /data/t\040mp rw - tmpfs emptydir rw
42 40 0:42 /other /data/other rw - fuse.glusterfs g1:/vol rw
43 42 0:51 / /data/other/in rw - tmpfs emptydir rw
44 21 0:42 /sub//deleted /conf rw - fuse.glusterfs g1:/vol rw
45 44 0:43 / /conf rw - fuse.glusterfs g1:/vol rw
46 45 0:52 / /conf/in rw - tmpfs emptydir rw
47 21 0:42 /deleted/x /x ro - fuse.glusterfs g1:/vol rw
60 21 0:142 / /y rw - fuse.glusterfs 0:42 rw
70 99 0:70 / /lost rw - tmpfs emptydir rw
`

var volume = mount.Device{Minor: 42}

func parsed(t *testing.T) Table {
	t.Helper()
	return tableFrom(t, table, 1000, 1<<20)
}

// tableFrom reads the volume's table from lines, with at most the given number of mounts and bytes.
func tableFrom(t *testing.T, lines string, mounts, bytes int) Table {
	t.Helper()
	var r reader
	text, devices := strings.NewReader(lines), []mount.Device{volume}
	o, err := r.outlineOf(text, numbered(devices))
	if err != nil {
		t.Fatal(err)
	}
	if !o.present[0] {
		return Table{}
	}
	c := o.choose(0, mounts, bytes)
	found, err := r.mountsOf(text, map[mount.Device]choice{volume: c})
	if err != nil {
		t.Fatal(err)
	}
	return Table{Mounts: found[volume], LeftOut: c.leftOut}
}

func ids(mounts []Mount) string {
	var b strings.Builder
	for _, m := range mounts {
		fmt.Fprintf(&b, "%d ", m.ID)
	}
	return strings.TrimSpace(b.String())
}

func TestConcerning(t *testing.T) {
	tab := parsed(t)
	if got := ids(tab.Mounts); got != "50 40 41 42 43 44 45 46 47" {
		t.Errorf("in the table: %s", got)
	}
	if got := ids(tab.Volume(volume)); got != "40 42 44 47" {
		t.Errorf("in the volume: %s", got)
	}
	if got := ids(tab.Volume(mount.Device{Minor: 50})); got != "41" {
		t.Errorf("in another device: %s", got)
	}
	want := Mount{
		ID: 44, Parent: 21, Device: volume, FSType: "fuse.glusterfs", Source: "g1:/vol", Root: "/sub", Deleted: true, Point: "/conf", Options: "rw",
	}
	if got := tab.Mounts[5]; got != want {
		t.Errorf("%+v", got)
	}
	if got := tab.Mounts[0]; got.Point != "/data/t mp/deep" || got.Propagation != "shared:4 master:2" || got.Deleted {
		t.Errorf("%+v", got)
	}
	if got := tab.Mounts[8]; got.Root != "/deleted/x" || got.Deleted {
		t.Errorf("%+v", got)
	}
}

func TestNested(t *testing.T) {
	tab := parsed(t)
	for id, want := range map[int]struct {
		nested string
		cover  int
	}{
		40: {"41 42 50 43", 0}, // 50 is mounted on 41, although it is earlier in the table
		41: {"50", 0},
		42: {"43", 0},
		43: {"", 0},
		44: {"", 45}, // 46 is mounted in the mount that covers 44
		45: {"46", 0},
	} {
		var m Mount
		for _, line := range tab.Mounts {
			if line.ID == id {
				m = line
			}
		}
		cover, covered := tab.Cover(m)
		if got := ids(tab.Nested(m)); got != want.nested || cover.ID != want.cover || covered != (want.cover != 0) {
			t.Errorf("mount %d: nested %q, covered by %d, %t; want %+v", id, got, cover.ID, covered, want)
		}
	}
}

// TestDamagedTables: damaged tables are read to their end.
func TestDamagedTables(t *testing.T) {
	lines := "1 2 0:1 / /1 rw - tmpfs a rw\n2 1 0:50 / /2 rw - tmpfs a rw\n3 3 0:42 / / rw - tmpfs a rw\n4 2 0:50 / /4 rw - tmpfs a rw\n2 4 0:1 / /2 rw - tmpfs a rw\n"
	if got := ids(tableFrom(t, lines, 1000, 1<<20).Mounts); got != "3" {
		t.Errorf("a circle: %q", got)
	}
	lines = "3 3 0:42 / /data rw - tmpfs a rw\n4 3 0:50 / /data/4 rw - tmpfs a rw\n"
	if got := tableFrom(t, lines, 1, 1<<20); ids(got.Mounts) != "3" || got.LeftOut != 1 || !got.Mounts[0].Partial {
		t.Errorf("too much in its own parent: %+v", got)
	}
	circle := Table{Mounts: []Mount{
		{ID: 1, Parent: 2, Point: "/1"}, {ID: 2, Parent: 1, Point: "/2", Device: mount.Device{Minor: 50}}, {ID: 3, Parent: 3, Point: "/", Device: volume},
		{ID: 4, Parent: 2, Point: "/4", Device: mount.Device{Minor: 50}}, {ID: 2, Parent: 4, Point: "/2"},
	}}
	if got := ids(circle.Nested(circle.Mounts[2])); got != "" {
		t.Errorf("nested in its own parent: %q", got)
	}
	if got := ids(circle.Nested(circle.Mounts[0])); got != "2 4" {
		t.Errorf("nested in a circle: %q", got)
	}
	if cover, covered := circle.Cover(circle.Mounts[2]); covered {
		t.Errorf("its own parent is covered by %+v", cover)
	}
	for _, lines := range []string{"x\n", "40 21\n", "40 21 0:42 / /x rw fuse.glusterfs g1:/vol rw,a=b x\n"} {
		if got, err := parse([]byte(lines)); err == nil {
			t.Errorf("%q: %+v", lines, got)
		}
	}
}

// TestTableChanged: the kernel reports each change once.
func TestTableChanged(t *testing.T) {
	fd, err := openTable(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	path := t.TempDir()
	for step, change := range []func() error{
		func() error { return nil },
		func() error { return unix.Mount("", path, "tmpfs", 0, "") },
		func() error { return nil },
		func() error { return unix.Unmount(path, 0) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if got, want := tableChanged(fd), step%2 == 1; got != want {
			t.Errorf("step %d: changed %t, want %t", step, got, want)
		}
	}
}

// TestTablesOfOtherUsersAreNotRead: any user can make a user namespace, and very long tables in it.
func TestTablesOfOtherUsersAreNotRead(t *testing.T) {
	other := mounttest.OtherUser(t)
	for pid, want := range map[int]bool{other: false, os.Getpid(): true} {
		var r reader
		if _, err := r.readNamespace(namespace{processes: []int{pid}}, []mount.Device{volume}); err != nil || (r.buffer != nil) != want {
			t.Errorf("process %d: %v, read: %t, want %t", pid, err, r.buffer != nil, want)
		}
	}
}

func TestEscape(t *testing.T) {
	for path, want := range map[string]string{"/a ü\n\uFFFD": "/a ü\n\uFFFD", "/\xffü\\a": `/\377ü\134a`, "": ""} {
		if got := escape(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
}

func TestPresent(t *testing.T) {
	devices := []mount.Device{{Minor: 41}, volume, {Minor: 43}, {Minor: 4}, {Minor: 142}}
	for text, want := range map[string][]bool{
		table: {false, true, true, false, true}, "": nil, "\n": nil, "0:42\n": nil, "40 0:42\n": nil, "40 21\n": nil, "40 0:42 21 0:42 x\n": nil,
	} {
		var r reader
		o, err := r.outlineOf(strings.NewReader(text), numbered(devices))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = make([]bool, len(devices))
		}
		if !slices.Equal(o.present, want) {
			t.Errorf("%q: %v", text, o.present)
		}
	}
}

const (
	uid       = "2c48913c-b29f-11e7-9350-020968147796"
	otherUID  = "5b0f6ba7-9d3c-4c5e-8a54-0c8f6d7d1f2a"
	staticUID = "0123456789abcdef0123456789abcdef"
)

func TestPodOf(t *testing.T) {
	slice := strings.ReplaceAll(uid, "-", "_")
	for cgroups, want := range map[string]string{
		"":                   "",
		"0::/":               "",
		"0::/init.scope\n":   "",
		"0::/user.slice/x\n": "",
		"0::/kubepods/burstable/pod" + uid + "/c0ffee\n": uid,
		"0::/kubepods/pod" + uid + "\n":                  uid,
		"0::/kubepods/pod" + staticUID + "/c0ffee\n":     staticUID,
		"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice + ".slice/cri-containerd-c0ffee.scope\n": uid,
		"0::/kubepods.slice/kubepods-pod" + slice + ".slice/crio-c0ffee.scope\n":                                                uid,
		"0::/../../kubepods-pod" + slice + ".slice/cri-containerd-c0ffee.scope\n":                                               uid, // seen from another cgroup namespace
		"0::/../pod" + uid + "/c0ffee\n": uid,
		"12:cpu,cpuacct:/\n11:memory:/kubepods/besteffort/pod" + uid + "/c\n1:name=systemd:/kubepods/besteffort/pod" + uid + "/c\n0::/\n": uid,
		"1:name=systemd:/system.slice/containerd.service/kubepods-besteffort-pod" + slice + ".slice:cri-containerd:c0ffee\n":              uid,
		"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slice + ".slice/x.scope\n":                                      uid,
		"0::/kubepods/pod" + uid + "/c0ffee/pod" + otherUID + "/x\n":                                                                      uid, // made inside the container
		"0::/machine.slice/libpod-" + staticUID + staticUID + ".scope\n":                                                                  "",
		"0::/pod" + uid + "x\n":         "",
		"0::/xpod" + uid + "\n":         "",
		"0::/kubepods/pod" + uid[:35]:   "",
		"0::/kubepods/pod" + uid + "00": "",
	} {
		if got := podOf(cgroups); got != want {
			t.Errorf("%q: %q, want %q", cgroups, got, want)
		}
	}
}

func FuzzPodOf(f *testing.F) {
	f.Add("0::/kubepods/burstable/pod" + uid + "/c0ffee\n")
	f.Add("0::/kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/x\n1:a:/\n")
	f.Fuzz(func(t *testing.T, cgroups string) {
		switch got := podOf(cgroups); {
		case got == "":
		case len(got) != 32 && len(got) != 36, strings.Trim(got, "0123456789abcdef-") != "":
			t.Errorf("%q: %q", cgroups, got)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(table))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var r reader
		o, err := r.outlineOf(bytes.NewReader(lines), numbered([]mount.Device{volume}))
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.mountsOf(bytes.NewReader(lines), map[mount.Device]choice{volume: o.choose(0, 1000, 1<<20)})
		if err != nil {
			return
		}
		tab := Table{Mounts: all[volume]}
		for _, m := range tab.Mounts {
			tab.Cover(m)
			tab.Nested(m)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"version":1,"bootID":"b","device":"0:42","tables":[{"mounts":[{"id":1,"root":"/\\303a","device":"0:1"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		snapshot, err := decode(data, "b")
		if err != nil {
			return
		}
		again, err := encode(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again, "b"); err != nil {
			t.Errorf("%q became %q: %v", data, again, err)
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("/a\xff\\134 ü\n\uFFFD")
	f.Fuzz(func(t *testing.T, path string) {
		if got, err := unescape(escape(path)); got != path || err != nil {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	})
}

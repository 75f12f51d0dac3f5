package tables

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// nested returns lines of mounts inside the mount of volumeLine.
func nested(number int) string {
	var b strings.Builder
	for i := range number {
		fmt.Fprintf(&b, "%d 40 0:50 / /data/%d rw - tmpfs emptydir rw\n", 100+i, i)
	}
	return b.String()
}

const volumeLine = "40 21 0:42 / /data rw - fuse.glusterfs g1:/vol rw\n"

// TestTooManyMounts: the oldest mounts are kept, and the table shows in which of them others are missing.
func TestTooManyMounts(t *testing.T) {
	other := "30 21 0:42 / /other rw - fuse.glusterfs g1:/vol rw\n31 30 0:50 / /other/in rw - tmpfs emptydir rw\n"
	got := tableFrom(t, other+volumeLine+nested(50), 13, 1<<20)
	if len(got.Mounts) != 13 || got.LeftOut != 40 || got.Mounts[0].Partial || !got.Mounts[2].Partial || got.Mounts[3].Partial {
		t.Errorf("%d mounts, %d left out: %+v", len(got.Mounts), got.LeftOut, got.Mounts)
	}
	deep := "41 40 0:50 / /data/a rw - tmpfs emptydir rw\n42 41 0:50 / /data/a/b rw - tmpfs emptydir rw\n"
	if got := tableFrom(t, volumeLine+deep, 2, 1<<20); got.LeftOut != 1 || !got.Mounts[0].Partial || !got.Mounts[1].Partial {
		t.Errorf("%+v", got)
	}
	if got := tableFrom(t, volumeLine+nested(50), 1000, 1000); got.LeftOut < 20 || len(got.Mounts) < 10 {
		t.Errorf("%d mounts of 1000 bytes, %d left out", len(got.Mounts), got.LeftOut)
	}
	if got := tableFrom(t, volumeLine+nested(mostLines), 10, 1<<20); got.LeftOut != mostLines-10+1 || !got.Mounts[0].Partial {
		t.Errorf("%d left out of a table that is cut off", got.LeftOut)
	}
	// The lines that follow may be inside the volume as well.
	line := "90 21 0:90 / /x rw - overlay o lowerdir="
	for name, rest := range map[string]string{
		"many": strings.Repeat(line+"x\n", mostLines), "long": strings.Repeat(line+strings.Repeat("x", 60_000)+"\n", mostBytes/60_000+2),
		"very long": strings.Repeat(line+strings.Repeat("x", 1<<20)+"\n", mostBytes>>20+1),
	} {
		if got := tableFrom(t, volumeLine+nested(1)+rest, 1000, 1<<20); len(got.Mounts) != 2 || got.LeftOut != 1 || !got.Mounts[0].Partial {
			t.Errorf("%s lines afterwards: %+v", name, got)
		}
	}
	if got := tableFrom(t, volumeLine+nested(1)+strings.Repeat(line+"x\n", mostLines-2), 1000, 1<<20); got.LeftOut != 0 || got.Mounts[0].Partial {
		t.Errorf("nothing is cut off: %+v", got)
	}
}

func TestTextOf(t *testing.T) {
	m := Mount{FSType: "1", Source: "22", Root: "/33", Point: "/444", Options: "55555", Propagation: "666666"}
	if got := textOf([]Mount{m, m}); got != 42 {
		t.Errorf("%d bytes", got)
	}
}

// TestLongLine: the other lines of the table can still be read.
func TestLongLine(t *testing.T) {
	long := func(begin string) string {
		return begin + " / /x rw - overlay o lowerdir=" + strings.Repeat("x", 5*longestLine) + "\n"
	}
	for name, lines := range map[string]string{"first": long("90 21 0:90") + table, "last": table + long("90 21 0:90")} {
		if got := tableFrom(t, lines, 1000, 1<<20); ids(got.Mounts) != "50 40 41 42 43 44 45 46 47" || got.LeftOut != 0 {
			t.Errorf("%s: %s, %d left out", name, ids(got.Mounts), got.LeftOut)
		}
	}
	got := tableFrom(t, volumeLine+long("90 40 0:90")+nested(1), 1000, 1<<20)
	if ids(got.Mounts) != "40 100" || got.LeftOut != 1 || !got.Mounts[0].Partial || got.Mounts[1].Partial {
		t.Errorf("inside the volume: %+v", got)
	}
}

// TestEach: the kernel returns a table in pieces, and the reader does not keep them.
func TestEach(t *testing.T) {
	var r reader
	lines := 0
	long := "90 21 0:90 " + strings.Repeat("x", 20*longestLine) + "\n"
	text := pieces{strings.NewReader(strings.Repeat(table, 1000) + long)}
	if err := r.each(text, func([]byte) bool { lines++; return true }); err != nil || lines != 13*1000+1 {
		t.Errorf("%d lines, %v", lines, err)
	}
	if got := cap(r.buffer); got > 4*longestLine {
		t.Errorf("the buffer has %d bytes", got)
	}
}

// pieces is a reader that returns ten bytes at a time.
type pieces struct{ *strings.Reader }

func (p pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), 10)]) }

// TestTooManyNamespaces: a pod with very many namespaces does not use the room of others.
func TestTooManyNamespaces(t *testing.T) {
	all := make([]Table, 0, mostTables+10)
	for i := range 3 * mostNamespaces {
		all = append(all, Table{PID: 100000 + i, Pod: "many", Mounts: make([]Mount, 3)})
	}
	all = append(all, Table{PID: 1000, Pod: "large", Mounts: make([]Mount, 1500)}, Table{PID: 1001, Pod: "large", Mounts: make([]Mount, 600)},
		Table{PID: 1002, Pod: "long", Mounts: []Mount{{Root: strings.Repeat("x", mostPodText)}}}, Table{PID: 1003, Pod: "long", Mounts: make([]Mount, 1)},
		Table{PID: 1004, Pod: "other"})
	got := Bounded(all)
	kept := map[string]int{}
	for _, table := range got {
		kept[table.Pod]++
	}
	half := strings.Repeat("x", mostPodText/2)
	for want, last := range map[int]string{2: half, 1: half + "x"} {
		if got := Bounded([]Table{{PID: 1000, Pod: "a", Mounts: []Mount{{Root: half}}}, {PID: 1001, Pod: "a", Mounts: []Mount{{Root: last}}}}); len(got) != want {
			t.Errorf("%d tables of %d bytes", len(got), len(half)+len(last))
		}
	}
	if kept["many"] != mostNamespaces || kept["large"] != 1 || kept["long"] != 2 || kept["other"] != 1 {
		t.Errorf("%v", kept)
	}
	if got[0].Others != 2*mostNamespaces || got[0].LeftOutBecause() == "" || got[mostNamespaces].Others != 1 {
		t.Errorf("%d are reported as left out", got[0].Others)
	}
	all = all[:0]
	for i := range mostTables + 10 {
		all = append(all, Table{PID: 100000 + i, Pod: strconv.Itoa(i)})
	}
	if got := Bounded(all); len(got) != mostTables || got[0].Others != 10 {
		t.Errorf("%d tables, %d others", len(got), got[0].Others)
	}
}

// TestLeftOutAgain: while a repair is pending, each scan finds the namespaces again for which a snapshot has no room. They are
// counted once, because another number would be reported as another loss.
func TestLeftOutAgain(t *testing.T) {
	kept := []Table{{PID: 1000, Pod: "a", Mounts: make([]Mount, mostPodMounts), Others: 2}}
	for i, found := range []struct{ others, want int }{{1, 2}, {1, 2}, {3, 3}, {3, 3}} {
		more := kept
		for n := range found.others {
			more = append(more, Table{PID: 2000 + n, Pod: "a", Mounts: make([]Mount, 1)})
		}
		if kept = Bounded(more); len(kept) != 1 || kept[0].Others != found.want {
			t.Errorf("scan %d: %d tables, %d others, want %d", i, len(kept), kept[0].Others, found.want)
		}
	}
}

func TestLeftOutBecause(t *testing.T) {
	for want, table := range map[string]Table{
		"": {}, "2 mounts here are beyond the limit": {LeftOut: 2}, "3 more mount namespaces are beyond the limit": {Others: 3},
		"2 mounts and 3 more mount namespaces are beyond the limit": {LeftOut: 2, Others: 3},
	} {
		if got := table.LeftOutBecause(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLimits: the node's namespace and this process's have the kubelet's mounts of all pods, and do not use the room of other
// processes outside pods.
func TestLimits(t *testing.T) {
	other, _ := Table{PID: 1 << 30}.limits()
	node, _ := Table{PID: 1}.limits()
	own, _ := Table{PID: os.Getpid(), Pod: "uid"}.limits()
	if other != mostMounts || node <= other || own != node {
		t.Errorf("%d, on the node %d, here %d", other, node, own)
	}
	all := append(make([]Table, 0, 21), Table{PID: 1, Mounts: make([]Mount, node)})
	for i := range 20 {
		all = append(all, Table{PID: 100 + i, Mounts: make([]Mount, 1000)})
	}
	if got := Bounded(all); len(got) != 1+mostServices*mostPodMounts/1000 || got[0].Others == 0 {
		t.Errorf("%d tables, %d others", len(got), got[0].Others)
	}
}

// TestWithoutLargest: the tables that are too large for a file are found in one step.
func TestWithoutLargest(t *testing.T) {
	all := make([]Table, 0, 100)
	for i := range 100 {
		all = append(all, Table{PID: i, Mounts: make([]Mount, 10+i%2*100)})
	}
	before, err := encode(Snapshot{Tables: all})
	if err != nil {
		t.Fatal(err)
	}
	left, why := Snapshot{Tables: all}.withoutLargest(len(before) / 2)
	if len(left.Tables)+len(why) != 100 || len(why) < 20 || len(left.Tables) < 50 {
		t.Errorf("%d are left, %d are not", len(left.Tables), len(why))
	}
	if after, err := encode(left); err != nil || len(after) > len(before)/2 {
		t.Errorf("%d bytes of %d, %v", len(after), len(before), err)
	}
}

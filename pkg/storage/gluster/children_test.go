package gluster

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestChildrenOf(t *testing.T) {
	proc := t.TempDir()
	writeTree(t, proc, map[string]string{
		"1/stat":  "1 (glusterfs-stora) S 0 1 1 0",
		"7/stat":  "7 (glusterfsd) S 1 7 7 0",
		"8/stat":  "8 (a) S 7 (b) Z 1 8 8 0", // a name that looks like further fields
		"9/stat":  "9 (bash) S 7 9 9 0",
		"10/":     "", // it has ended in the meantime
		"uptime":  "1.00",
		"7/other": "",
	})
	got, err := childrenOf(proc, 1)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b stat) int { return a.pid - b.pid })
	if want := []stat{{child{7, "glusterfsd"}, 1, false}, {child{8, "a) S 7 (b"}, 1, true}}; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if _, err := childrenOf(proc+"/missing", 1); err == nil {
		t.Error("no /proc")
	}
}

func TestReadStat(t *testing.T) {
	for _, tc := range []struct{ text, says string }{
		{"", "no name"}, {"7", "no name"}, {"7 )(", "no name"}, {"7 (x)", "no parent"}, {"7 (x) S", "no parent"}, {"7 (x) S y", "no parent"},
	} {
		proc := t.TempDir()
		writeTree(t, proc, map[string]string{"7/stat": tc.text})
		if _, err := childrenOf(proc, 1); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v", tc.text, err)
		}
	}
	own, err := readStat("/proc", os.Getpid())
	if err != nil || own.parent != os.Getppid() || own.zombie {
		t.Errorf("%+v, %v", own, err)
	}
}

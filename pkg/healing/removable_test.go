package healing

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestRemovedByItsContainer: a container with the privilege to unmount removes a mount that it has made.
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
	seen := noted([]tables.Table{table(10, volume, scratch, made, onIt)}, []tables.Table{table(10, volume, scratch)})
	again := noted([]tables.Table{table(10, volume, scratch, tables.Mount{ID: 9, Parent: 1, Device: other, Point: made.Point})}, seen)
	first := noted([]tables.Table{table(11, volume, scratch)}, seen)
	for name, got := range map[string][]tables.Mount{"seen": seen[0].Mounts, "again": again[0].Mounts, "first": first[0].Mounts} {
		for _, m := range got {
			if want := m.Point == made.Point || m.Point == onIt.Point; m.Later != want {
				t.Errorf("%s: %s is later: %t", name, m.Point, m.Later)
			}
		}
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

package healing

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// mountDead mounts another volume whose client has ended over the mount at a path.
func mountDead(t *testing.T, path string) {
	t.Helper()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dev)
	if err := unix.Mount("server:/vol", path, "fuse.glusterfs", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev)); err != nil {
		t.Fatal(err)
	}
}

// TestLayers: dead mounts beneath others are counted until they are gone, and a pod's mount is reported once it has ten.
func TestLayers(t *testing.T) {
	h, target := newHealer(t), filepath.Join(t.TempDir(), "target")
	self, err := mount.IdentifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := mount.NamespaceOf(self.PID)
	if err != nil {
		t.Fatal(err)
	}
	own := tables.Target{Namespace: namespace, PID: self.PID, Start: self.Start}
	if got := h.DeadLayers(); got != 0 || len(h.layered) != 0 {
		t.Errorf("%d layers at the start, %v", got, h.layered)
	}
	deadVolume(t, target)
	for layers := range mostLayers + 1 {
		if layers > 0 {
			mountDead(t, target)
		}
		found := h.addLayers(map[tables.Target]string{own: "uid"})
		if got := h.DeadLayers(); got != layers {
			t.Errorf("%d layers, want %d", got, layers)
		}
		switch {
		case layers < mostLayers && len(found) > 0:
			t.Errorf("with %d layers: %+v", layers, found)
		case layers >= mostLayers && (len(found) != 1 || found[0] != Layers{Pod: "uid", Point: target, Dead: layers}):
			t.Errorf("with %d layers: %+v", layers, found)
		}
	}
	if found := h.addLayers(map[tables.Target]string{own: ""}); len(found) > 0 {
		t.Errorf("on the node: %+v", found)
	}
	if again, err := New(Config{Clients: &fuseclient.Manager{}, Asker: h.asker, StateDir: t.TempDir()}); err != nil || again.DeadLayers() != mostLayers {
		t.Errorf("the next process: %v", err)
	} else {
		again.watcher.Close()
	}
	for unix.Unmount(target, unix.MNT_DETACH) == nil {
	}
	if got := h.DeadLayers(); got != 0 || len(h.layered) != 0 {
		t.Errorf("%d layers are left, in %v", got, h.layered)
	}
	another := own
	another.Start-- // an earlier process with this one's number
	if found := h.addLayers(map[tables.Target]string{another: "uid"}); len(found) > 0 || h.DeadLayers() != 0 || len(h.layered) != 0 {
		t.Errorf("for a process that has ended: %+v, %v", found, h.layered)
	}
}

// TestLayersOfAnEarlierProcess: the layers of an earlier process are found in the namespaces that it saved.
func TestLayersOfAnEarlierProcess(t *testing.T) {
	h := newHealer(t)
	kept := tables.Target{Namespace: 1, PID: 2, Start: 3}
	if err := h.memory.put(tables.Snapshot{Client: "a", Tables: []tables.Table{{Namespace: kept.Namespace, PID: kept.PID, Start: kept.Start}}}); err != nil {
		t.Fatal(err)
	}
	if h.findLayers(); !h.layered[kept] {
		t.Errorf("%v", h.layered)
	}
}

// ends is an Observer that records the ends of clients.
type ends struct {
	silent
	hung []time.Duration
}

func (e *ends) ClientEnded(_ string, hung time.Duration) { e.hung = append(e.hung, hung) }

// TestEndIsReportedOnce: a volume may be repaired in several attempts, but the end of each client is reported once.
func TestEndIsReportedOnce(t *testing.T) {
	h, seen := newHealer(t), &ends{}
	h.observer = seen
	first, second := fuseclient.Served{VolumeID: "id", Client: "a"}, fuseclient.Served{VolumeID: "id", Client: "b"}
	for range 2 {
		h.reportEnd(first)
	}
	h.endOne(t.Context(), second, time.Minute) // a client without a record
	for range 2 {
		h.reportEnd(second)
	}
	if !h.heal(t.Context(), fuseclient.Served{VolumeID: "id", Client: "c"}, nil) || len(seen.hung) != 3 { // its volume is no longer staged
		t.Errorf("an attempt to heal: %v", seen.hung)
	}
	if len(seen.hung) < 2 || seen.hung[0] != 0 || seen.hung[1] != time.Minute {
		t.Errorf("%v", seen.hung)
	}
}

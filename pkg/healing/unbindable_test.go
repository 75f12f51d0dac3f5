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
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func bindAt(from, to string) error { return unix.Mount(from, to, "", unix.MS_BIND, "") }

// TestUncoverable: on Linux before 6.5, a subPath whose directory is marked as deleted is lost, and so is one inside that directory.
// It is not tried again and again. The pod is asked to be deleted even if none of its containers runs.
func TestUncoverable(t *testing.T) {
	mounttest.RefuseBeneath(t)
	h, dir := newHealer(t), t.TempDir()
	staging := filepath.Join(dir, "staging")
	v, device := mountFake(t, staging)
	for i, name := range []string{"sub", "sub/deep"} {
		point := filepath.Join(dir, "pods/uid/volume-subpaths/pv/container", strconv.Itoa(i))
		if err := errors.Join(os.MkdirAll(point, 0o755), bindAt(filepath.Join(staging, name), point)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(point, unix.MNT_DETACH) })
	}
	v.changeGraph()
	r := h.testRepairer(t, staging)
	if err := r.restore(tables.Snapshot{VolumeID: "id", Client: "new", Device: device}, false); err != nil {
		t.Fatal(err)
	}
	if r.outcome.Mounts != 0 || r.outcome.Pending != 0 || len(r.outcome.Lost) != 2 {
		t.Fatalf("%+v", r.outcome)
	}
	if loss := r.outcome.Lost[0]; !loss.DeletePod || loss.Cure() != "delete the pod" || loss.Pod != "uid" {
		t.Errorf("%+v", loss)
	}
}

// TestRenewBelowADeletedDirectory: after a change of the graph, a subPath inside a directory of the volume can be bound again, on the
// node and in a container. Mounts that can still be bound are not replaced.
func TestRenewBelowADeletedDirectory(t *testing.T) {
	mounttest.Kernels()["beneath"](t)
	h, dir := newHealer(t), t.TempDir()
	staging := filepath.Join(dir, "staging")
	v, device := mountFake(t, staging)
	subPath, file, again, againFile := filepath.Join(dir, "subpath"), filepath.Join(dir, "file"), filepath.Join(dir, "again"), filepath.Join(dir, "again-file")
	if err := errors.Join(os.Mkdir(subPath, 0o755), os.Mkdir(again, 0o755), os.WriteFile(file, nil, 0o600), os.WriteFile(againFile, nil, 0o600),
		bindAt(filepath.Join(staging, "sub/deep"), subPath), bindAt(filepath.Join(staging, "sub/deep/file"), file)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, path := range []string{subPath, file} {
			for unix.Unmount(path, unix.MNT_DETACH) == nil {
			}
		}
	})
	bindAgain := func() error {
		err := bindAt(subPath, again)
		if err == nil {
			err = unix.Unmount(again, unix.MNT_DETACH)
		}
		fileErr := bindAt(file, againFile)
		if fileErr == nil {
			fileErr = unix.Unmount(againFile, unix.MNT_DETACH)
		}
		return errors.Join(err, fileErr)
	}
	pid := mounttest.Container(t, "private")
	snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: []tables.Table{tableOf(t, pid, device)}}
	h.askOnce(t)
	before := mounttest.Descriptors(t)
	r := h.testRepairer(t, staging)
	restore := func(want int) {
		t.Helper()
		r.outcome = Outcome{}
		if err := r.restore(snapshot, false); err != nil || r.outcome.Mounts != want || r.outcome.Pending != 0 || len(r.outcome.Lost) != 0 {
			t.Errorf("%+v, %v; want %d mounts repaired", r.outcome, err, want)
		}
	}
	restore(0)
	v.changeGraph()
	if _, err := os.Stat(filepath.Join(staging, "sub")); err != nil { // the kernel notices the change
		t.Fatal(err)
	}
	if err := bindAgain(); !errors.Is(err, unix.ENOENT) {
		t.Fatalf("%v; the kernel does not do what this test is about", err)
	}
	restore(4) // two mounts on the node and two in the container
	if err := bindAgain(); err != nil {
		t.Errorf("on the node: %v", err)
	}
	mounttest.Inside(t, pid, func() error {
		if err := bindAgain(); err != nil {
			t.Errorf("in the container: %v", err)
		}
		return nil
	})
	restore(0)
	r.close()
	deadline := time.Now().Add(10 * time.Second) // goroutines of earlier tests may still have files open
	for after := mounttest.Descriptors(t); after > before; after = mounttest.Descriptors(t) {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d before", after, before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

package healing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestForgedMounts: a container that may mount chooses the names and types of its mounts, but not their device numbers. It gains
// nothing with mounts that look like the volume's or another pod's, or like another volume.
func TestForgedMounts(t *testing.T) {
	for fsType, source := range map[string]string{"tmpfs": "secret", mount.FSType: "server:/vol-other"} {
		t.Run(fsType, func(t *testing.T) {
			h, dir := newHealer(t), t.TempDir()
			staging, target := filepath.Join(dir, "staging"), filepath.Join(dir, "target")
			secret, other, forged := filepath.Join(dir, "secret"), filepath.Join(dir, "other"), filepath.Join(dir, "forged")
			mountAt(t, staging, "server:/vol", "tmpfs", "")
			write(t, staging, "inner", "below")
			mountAt(t, secret, "secret", "tmpfs", "")
			mountAt(t, other, "server:/vol-other", mount.FSType, fuseOptions(openFuse(t)))
			h.serve(t, 1, map[string]string{"other": other})
			if err := os.Mkdir(forged, 0o755); err != nil {
				t.Fatal(err)
			}
			dead := deadVolume(t, target)
			pid := mounttest.Container(t, "private")
			var looksLikeAnothers, looksLikeVolume mount.Device
			mounttest.Inside(t, pid, func() error {
				data := ""
				if fsType == mount.FSType {
					data = fuseOptions(openFuse(t))
				}
				if err := unix.Mount(source, forged, fsType, 0, data); err != nil {
					return err
				}
				looksLikeAnothers, _, _ = mount.DeviceAt(forged)
				err := unix.Mount("server:/vol", forged, mount.FSType, 0, fuseOptions(openFuse(t)))
				looksLikeVolume, _, _ = mount.DeviceAt(forged)
				return err
			})
			table := tableOf(t, pid, dead)
			table.Mounts = append(table.Mounts, tables.Mount{
				ID: 1 << 30, Parent: table.Mounts[0].ID, Device: looksLikeAnothers, FSType: fsType, Source: source, Root: "/", Point: target + "/inner",
			})
			snapshot := tables.Snapshot{VolumeID: "id", Client: "old", Device: dead, Tables: []tables.Table{table}}
			r := h.testRepairer(t, staging)
			r.former = []tables.Snapshot{snapshot}
			r.replaceDead(snapshot)
			if r.outcome.Mounts != 1 || len(r.outcome.Lost) != 1 || r.outcome.Lost[0].Point != target {
				t.Errorf("%+v; want the mount on the node repaired, and the container's lost", r.outcome)
			}
			mounttest.Inside(t, pid, func() error {
				if got, _, err := mount.DeviceAt(forged); got != looksLikeVolume || err != nil {
					t.Errorf("its own mount is of device %s now, and was of %s (%v)", got, looksLikeVolume, err)
				}
				return nil
			})
		})
	}
}

// TestRootThatNeverAnswers: a container may make a FUSE file system its root directory. The driver never accesses it, whatever it
// looks like.
func TestRootThatNeverAnswers(t *testing.T) {
	for fsType, enters := range map[string]bool{"fuse": false, "fuse.fuse-overlayfs": true} {
		t.Run(fsType, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "root")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			pid := mounttest.Container(t, "private")
			table := tableOf(t, pid, mount.Device{})
			client, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			end := func() { once.Do(func() { _ = unix.Close(client) }) }
			t.Cleanup(end)
			mounttest.Inside(t, pid, func() error {
				return errors.Join(unix.Mount("client", root, fsType, 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", client)), unix.PivotRoot(root, root))
			})
			before := mounttest.Descriptors(t)
			n, err := enter(table)
			switch {
			case !enters && !errors.Is(err, errLost):
				t.Errorf("%v; want that the namespace is not entered", err)
			case enters && err != nil:
				t.Error(err)
			case enters:
				stuck := time.AfterFunc(20*time.Second, end) // unblocks the thread
				if err := n.run(func() error { return nil }); err != nil || !stuck.Stop() {
					t.Errorf("a thread has waited for the root directory (%v)", err)
				}
				n.close()
			}
			if after := mounttest.Descriptors(t); after > before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

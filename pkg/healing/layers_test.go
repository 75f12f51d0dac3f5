package healing

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestKilledInAnExchange: a node plugin was killed while the new mount was beneath the dead one. The dead mount is removed, and
// no layer stays.
func TestKilledInAnExchange(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging, target := filepath.Join(dir, "staging"), filepath.Join(dir, "target")
	fresh := mountAt(t, staging, "server:/vol", "tmpfs", "")
	write(t, staging, "file")
	if err := errors.Join(os.Mkdir(target, 0o755), unix.Mount(staging, target, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	dead := deadVolume(t, target)
	pid := mounttest.Container(t, "private")
	r := h.testRepairer(t, staging)
	if !r.replaceDead(tables.Snapshot{VolumeID: "id", Client: "old", Device: dead}) || r.outcome.Mounts != 2 || r.outcome.Pending != 0 || r.outcome.Covered != 0 {
		t.Errorf("%+v", r.outcome)
	}
	for _, process := range []int{os.Getpid(), pid} {
		if got := pointsOf(tableOf(t, process, fresh)); !slices.Equal(got, []string{staging, target}) {
			t.Errorf("process %d has %v", process, got)
		}
		if got := pointsOf(tableOf(t, process, dead)); len(got) != 0 {
			t.Errorf("process %d has dead mounts at %v", process, got)
		}
	}
}

// TestDeadMountOnAnother: the mount beneath a dead mount is not always its replacement.
func TestDeadMountOnAnother(t *testing.T) {
	r := repairer{volume: fuseclient.Served{Volume: "vol"}}
	dead := tables.Mount{Point: "/data", Root: "/a", Options: "rw,nosuid"}
	for name, c := range map[string]struct {
		beneath tables.Mount
		want    bool
	}{
		"same":               {tables.Mount{Point: "/data", Root: "/a", Options: "nosuid,rw"}, true},
		"elsewhere":          {tables.Mount{Point: "/", Root: "/a", Options: "rw,nosuid"}, false},
		"another directory":  {tables.Mount{Point: "/data", Root: "/b", Options: "rw,nosuid"}, false},
		"other flags":        {tables.Mount{Point: "/data", Root: "/a", Options: "rw"}, false},
		"its directory gone": {tables.Mount{Point: "/data", Root: "/a", Options: "rw,nosuid", Deleted: true}, false},
	} {
		if got := r.isReplacement(c.beneath, dead); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestCoverKeepsFlags: before Linux 6.5, the cover of the node's dead mount propagates to a container's mount that is a slave of
// it. If the container's mount is read-only, the cover in the container must be, too.
func TestCoverKeepsFlags(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			kernel(t)
			h, dir := newHealer(t), t.TempDir()
			staging, shared := filepath.Join(dir, "staging"), filepath.Join(dir, "shared")
			fresh := mountAt(t, staging, "server:/vol", "tmpfs", "")
			write(t, staging, "file")
			mountAt(t, shared, "shared", "tmpfs", "")
			if err := unix.Mount("", shared, "", unix.MS_SHARED, ""); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(shared, "target")
			dead := deadVolume(t, target)
			pid := mounttest.Container(t, "slave")
			data := filepath.Join(dir, "data")
			mounttest.Inside(t, pid, func() error { // as in a container with HostToContainer and readOnly
				return errors.Join(os.Mkdir(data, 0o755), unix.Mount(target, data, "", unix.MS_BIND, ""),
					unix.Mount("", data, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOEXEC, ""), unix.Unmount(target, unix.MNT_DETACH))
			})
			r := h.testRepairer(t, staging)
			r.replaceDead(tables.Snapshot{VolumeID: "id", Client: "old", Device: dead})
			if r.outcome.Pending != 0 || len(r.outcome.Lost) != 0 {
				t.Errorf("%+v", r.outcome)
			}
			mounttest.Inside(t, pid, func() error {
				if got, err := os.ReadFile(filepath.Join(data, "file")); string(got) != "file" {
					t.Errorf("the container reads %q, %v", got, err)
				}
				if err := os.WriteFile(filepath.Join(data, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
					t.Errorf("the container can write: %v", err)
				}
				return nil
			})
			for _, m := range tableOf(t, pid, fresh).Volume(fresh) {
				if m.Point == data && !strings.HasPrefix(m.Options, "ro,noexec") {
					t.Errorf("the container's mount has %s", m.Options)
				}
			}
			if err := os.WriteFile(filepath.Join(target, "new"), nil, 0o600); err != nil {
				t.Errorf("the node cannot write: %v", err)
			}
		})
	}
}

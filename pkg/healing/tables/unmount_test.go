package tables_test

import (
	"errors"
	"os"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestFirstSeen: a container has mounted a directory of its root file system inside a volume before its mounts were read for the first
// time.
func TestFirstSeen(t *testing.T) {
	defer mounttest.HideProc(t)()
	const table = "30 1 0:50 / / rw - overlay none rw\n31 30 0:51 / /data rw - fuse.glusterfs server:/vol rw\n"
	if err := errors.Join(os.Mkdir("/proc/7", 0o755), os.WriteFile("/proc/7/mountinfo", []byte(table), 0o600)); err != nil {
		t.Fatal(err)
	}
	m := func(fsType string, minor uint32) tables.Mount {
		return tables.Mount{Point: "/data/usr", FSType: fsType, Device: mount.Device{Minor: minor}}
	}
	for name, test := range map[string]struct {
		pid   int
		mount tables.Mount
		want  bool
	}{
		"its own root file system":   {7, m("overlay", 50), true},
		"another's":                  {7, m("overlay", 52), false},
		"an emptyDir":                {7, m("ext4", 50), false},
		"a process that has ended":   {8, m("overlay", 50), false},
		"the volume's own directory": {7, m("fuse.glusterfs", 51), false},
	} {
		if got := (tables.Table{PID: test.pid, Mounts: []tables.Mount{test.mount}}).FirstSeen(); got.Mounts[0].Later != test.want {
			t.Errorf("%s: later is %t", name, got.Mounts[0].Later)
		}
	}
}

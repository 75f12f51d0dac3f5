package storage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestDiskOfTheLabFails makes a brick as Heketi does, in a pod like GlusterFS's, and lets its disk die: a file system on it must
// get I/O errors, and LVM must find nothing. A new disk in its place must be empty.
func TestDiskOfTheLabFails(t *testing.T) {
	node, disk := cluster.StorageNode(3), lab.BareDevices()[1]
	clustertest.Apply(t, cluster, fmt.Sprintf(server, node.Name, glusterImage(t, node)), "server")
	run(t, "disk="+disk+makeBrick+"\n"+mountBrick+"head -c 1M /dev/zero >/var/lib/heketi/mounts/test/file; sync")
	if err := node.Machine.FailDisk(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	if err := node.Machine.FailDisk(t.Context(), disk); err == nil {
		t.Errorf("%s could fail a second time", disk)
	}
	for _, fails := range []struct{ command, why string }{
		{"dd if=/var/lib/heketi/mounts/test/file of=/dev/null iflag=direct bs=1M", "Input/output error"},
		{"echo new >/var/lib/heketi/mounts/test/new && sync /var/lib/heketi/mounts/test/new", "Input/output error"},
		{"lvm pvs " + disk, "Failed to find physical volume"},
		{"lvm vgdisplay -c vg_test", "not found"},
		{"lvm lvremove -f vg_test/brick_test", "Failed to find logical volume"},
		{"lvm pvcreate " + disk, "No device found"},
	} {
		if out, err := inServer(t.Context(), fails.command); err == nil || !strings.Contains(err.Error(), fails.why) {
			t.Errorf("%s: %q, %v; want %q", fails.command, out, err, fails.why)
		}
	}
	run(t, "umount /var/lib/heketi/mounts/test; rmdir /var/lib/heketi/mounts/test")
	if err := node.Machine.NewDisk(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	run(t, "disk="+disk+makeBrick+"\n"+mountBrick+"test -z \"$(ls /var/lib/heketi/mounts/test)\""+removeBrick)
}

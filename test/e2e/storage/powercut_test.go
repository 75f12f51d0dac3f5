package storage

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// server is a pod with the rights and the directories of a GlusterFS server, but without the server.
const server = `---
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  nodeName: %s
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: %s
      command: [sleep, "1000000"]
      securityContext: {privileged: true}
      volumeMounts:
        - {name: glusterd, mountPath: /var/lib/glusterd}
        - {name: heketi, mountPath: /var/lib/heketi}
        - {name: etc, mountPath: /etc/glusterfs}
        - {name: log, mountPath: /var/log/glusterfs}
        - {name: dev, mountPath: /dev}
        - {name: lvm, mountPath: /run/lvm}
        - {name: lock, mountPath: /run/lock/lvm}
        - {name: udev, mountPath: /run/udev, readOnly: true}
        - {name: modules, mountPath: /lib/modules, readOnly: true}
  volumes:
    - {name: glusterd, hostPath: {path: /var/lib/glusterd, type: DirectoryOrCreate}}
    - {name: heketi, hostPath: {path: /var/lib/heketi, type: DirectoryOrCreate}}
    - {name: etc, hostPath: {path: /etc/glusterfs, type: DirectoryOrCreate}}
    - {name: log, hostPath: {path: /var/log/glusterfs, type: DirectoryOrCreate}}
    - {name: dev, hostPath: {path: /dev}}
    - {name: lvm, hostPath: {path: /run/lvm, type: DirectoryOrCreate}}
    - {name: lock, hostPath: {path: /run/lock/lvm, type: DirectoryOrCreate}}
    - {name: udev, hostPath: {path: /run/udev, type: DirectoryOrCreate}}
    - {name: modules, hostPath: {path: /lib/modules, type: DirectoryOrCreate}}
`

const (
	makeBrick = `
lvm pvcreate -qq --metadatasize=128M --dataalignment=256K $disk
lvm vgcreate -qq --physicalextentsize=4M --autobackup=n vg_test $disk
lvm lvcreate -qq --autobackup=n --poolmetadatasize 8192K --chunksize 256K --size 1048576K --thin vg_test/tp_test --virtualsize 1048576K --name brick_test
mkfs.xfs -q -i size=512 /dev/mapper/vg_test-brick_test
mkdir -p /var/lib/heketi/mounts/test`
	mountBrick  = "mount /dev/mapper/vg_test-brick_test /var/lib/heketi/mounts/test\n"
	content     = "written before the power cut\n"
	removeBrick = `
umount /var/lib/heketi/mounts/test
rmdir /var/lib/heketi/mounts/test
lvm lvremove -f vg_test/brick_test
lvm lvremove -f vg_test/tp_test
lvm vgremove vg_test
lvm pvremove $disk`
)

// TestBrickSurvivesAPowerCut makes a brick as Heketi does, in a pod like GlusterFS's. After a power cut, the pod's node must have
// its disk unchanged and nothing else: no loop device, no mount.
func TestBrickSurvivesAPowerCut(t *testing.T) {
	node := cluster.StorageNode(3)
	// A copy of the device node, because Heketi may run already and use the original. Only the name counts.
	if _, err := node.Machine.Output(t.Context(), "cp", "-a", "/dev/sdb", "/dev/sdz"); err != nil {
		t.Fatal(err)
	}
	clustertest.Apply(t, cluster, fmt.Sprintf(server, node.Name, glusterImage(t, node)), "server")
	if out, err := inServer(t.Context(), "lvm pvcreate /dev/sdx"); err == nil || !strings.Contains(err.Error(), "No device found") {
		t.Errorf("a physical volume on a device that is not there: %q, %v", out, err)
	}
	run(t, "disk=/dev/sdz"+makeBrick+"\n"+mountBrick+"printf '"+content+"' >/var/lib/heketi/mounts/test/file; touch /etc/glusterfs/kept /var/lib/glusterd/kept")
	before := run(t, "losetup --noheadings --associated /run/lvm/vg_test/brick_test.img")
	if again := run(t, "lvm vgchange -ay; losetup --noheadings --associated /run/lvm/vg_test/brick_test.img"); again != before {
		t.Errorf("a second activation has attached the volume again: %q, before %q", again, before)
	}

	if err := node.Machine.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.Within(t, 3*time.Minute, func() error {
		restarts, err := cluster.Kubectl(t.Context(), "get", "pod", "server", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
		if err == nil && restarts != "1" {
			err = fmt.Errorf("the pod was restarted %s times, want once", restarts)
		}
		return err
	})
	clustertest.Kubectl(t, cluster, "wait", "--for=condition=Ready", "--timeout=3m", "pod/server")
	if out := run(t, "ls /dev/mapper/vg_test-brick_test /var/lib/heketi/mounts/test/file 2>/dev/null || true"); out != "" {
		t.Errorf("after the power cut there is %q; want no device and no mount", out)
	}
	if got := run(t, "lvm vgchange -ay vg_test\n"+mountBrick+"cat /var/lib/heketi/mounts/test/file"); got != content {
		t.Errorf("the brick has %q after the power cut, want %q", got, content)
	}
	run(t, "rm /etc/glusterfs/kept /var/lib/glusterd/kept\ndisk=/dev/sdz"+removeBrick)
	if left := run(t, "ls -d /run/lvm/vg_test /run/lvm/pv.sdz /dev/mapper/vg_test-brick_test 2>/dev/null || true"); left != "" {
		t.Errorf("the stand-in for lvm has kept %q", left)
	}
}

// glusterImage returns the image of GlusterFS's pods, in the version that the node has.
func glusterImage(t *testing.T, node *kubernetes.Node) string {
	t.Helper()
	images, err := node.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		if strings.Contains(image, "/glusterfs-storage-gluster:") {
			return image
		}
	}
	t.Fatalf("%s has no glusterfs-storage-gluster among its images %q; build it with: make storage-test-images", node.Name, images)
	return ""
}

// run runs a script in the pod, up to the first command that fails.
func run(t *testing.T, script string) string {
	t.Helper()
	out, err := inServer(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func inServer(ctx context.Context, script string) (string, error) {
	return cluster.Kubectl(ctx, "exec", "server", "--", "bash", "-ec", script)
}

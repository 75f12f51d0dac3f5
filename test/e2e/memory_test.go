package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// Processes of the driver's containers, by the beginning of their command lines.
const (
	driverProcess      = "/glusterfs-csi controller"
	provisionerProcess = "/csi-provisioner"
	resizerProcess     = "/csi-resizer"
	nodeProcess        = "/glusterfs-csi node"
	clientProcess      = "glusterfs"
)

// TestFiftyMounts measures the memory of a node with fifty volumes. They are directories of one gluster volume, each with its own
// client, as fifty volumes would have. The figures are only logged.
func TestFiftyMounts(t *testing.T) {
	const count = 50
	theDriver(t)
	s := newSpace(t, "fifty")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + pod("maker", "node1", "data", 0))
	s.running("maker")
	v := s.bound("data")
	idle := memory(t, 2)

	var manifests, mounts, volumes strings.Builder
	for i := range count {
		s.in("maker", fmt.Sprintf("mkdir /data/%d", i))
		fmt.Fprintf(&manifests, `---
apiVersion: v1
kind: PersistentVolume
metadata: {name: fifty-%[1]d, labels: {e2e: fifty}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  claimRef: {namespace: fifty, name: part-%[1]d}
  csi:
    driver: %[2]s
    volumeHandle: fifty-%[1]d
    volumeAttributes: {servers: "%[3]s", volume: "%[4]s/%[1]d"}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: part-%[1]d}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  volumeName: fifty-%[1]d
  resources: {requests: {storage: 1Gi}}
`, i, driver.Name, servers(), v.gluster())
		fmt.Fprintf(&mounts, "        - {name: part-%[1]d, mountPath: /parts/%[1]d}\n", i)
		fmt.Fprintf(&volumes, "    - {name: part-%[1]d, persistentVolumeClaim: {claimName: part-%[1]d}}\n", i)
	}
	s.apply(manifests.String())
	s.apply(`---
apiVersion: v1
kind: Pod
metadata: {name: many}
spec:
  nodeSelector: {kubernetes.io/hostname: node2}
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: ` + busyboxImage + `
      command: [sleep, "1000000"]
      volumeMounts:
` + mounts.String() + `  volumes:
` + volumes.String())
	s.running("many")
	s.in("many", "for part in /parts/*; do echo here > $part/file || exit 1; done")
	if got := strings.Count(s.in("maker", "cat /data/*/file"), "here"); got != count {
		t.Errorf("%d of %d volumes were written", got, count)
	}
	loaded := memory(t, 2)
	t.Logf("memory of the node plugin: %d MiB idle, %d MiB with %d volumes", idle[nodeProcess]>>10, loaded[nodeProcess]>>10, count)
	t.Logf("memory of its clients: %d MiB for %d volumes", loaded[clientProcess]>>10, count)
	s.kubectl("delete", "pod", "many", patience)
}

// controllerMemory returns the memory of the controller's containers, on the node where they run.
func controllerMemory(t *testing.T) map[string]int {
	t.Helper()
	for i := range cluster.Nodes() {
		if found := memory(t, i+1); found[driverProcess] > 0 {
			return found
		}
	}
	t.Fatal("the controller runs on no node")
	return nil
}

// memory returns the resident memory of the driver's processes on a node, in KiB, by the beginning of their command lines.
func memory(t *testing.T, node int) map[string]int {
	t.Helper()
	out, err := cluster.Node(node).Machine.Command(t.Context(), "ps", "-ww", "-eo", "rss=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for line := range strings.Lines(string(out)) {
		size, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		kib, err := strconv.Atoi(size)
		if err != nil {
			t.Fatalf("ps says %q", line)
		}
		command = strings.TrimPrefix(strings.TrimSpace(command), "/usr/sbin/")
		for _, name := range []string{driverProcess, provisionerProcess, resizerProcess, nodeProcess, clientProcess} {
			if strings.HasPrefix(command, name+" ") {
				found[name] += kib
			}
		}
	}
	return found
}

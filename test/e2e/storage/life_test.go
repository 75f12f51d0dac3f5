package storage

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestLife takes an installation through the events of its life, while a pod works on a volume of the default class.
func TestLife(t *testing.T) {
	i := install(t)
	w := startWorkload(t)
	for _, step := range []struct {
		name  string
		graph bool // the volume's bricks change
		do    func(*testing.T, installed)
	}{
		{"doctor examines the storage", false, examined},
		{"a tear-down is refused", false, tearDownRefused},
		{"a server's pod is replaced", false, serverReplaced},
		{"the driver's pods are replaced", false, driverReplaced},
		{"Heketi's pod is replaced", false, heketiReplaced},
		{"the client of Heketi's database dies", false, databaseClientDies},
		{"servers are upgraded one by one", false, serversUpgraded},
		{"devices are added", false, devicesAdded},
		{"a device is taken out", true, deviceTakenOut},
		{"the power of a node is cut", false, powerCut},
		{"Heketi's database is lost", false, databaseLost},
		{"Heketi goes back to a copy of its database", false, wentBack},
		{"Heketi speaks TLS", false, switchedToTLS},
	} {
		ok := t.Run(step.name, func(t *testing.T) { step.do(t, installed{t, i.values}) })
		w.undisturbed(step.name, step.graph)
		if !ok {
			return
		}
	}
}

func serverReplaced(t *testing.T, i installed) {
	t.Helper()
	const onStorage1 = "--field-selector=spec.nodeName=storage1"
	pod := strings.TrimSpace(i.in("get", "pods", "--selector=glusterfs-node=pod", onStorage1, "--output=name"))
	i.in("delete", pod, patience)
	// The pod's successor becomes ready when the files written meanwhile are healed.
	i.in("rollout", "status", "daemonset/glusterfs", patience)
	if now := strings.TrimSpace(i.in("get", "pods", "--selector=glusterfs-node=pod", onStorage1, "--output=name")); now == pod || now == "" {
		t.Errorf("%s was deleted, and now there is %q", pod, now)
	}
	isHealed(t, i)
}

// isHealed waits until no entry of any volume waits for self-heal.
func isHealed(t *testing.T, i installed) {
	t.Helper()
	healed := map[string]bool{} // while files are being written, the lists of all volumes are rarely empty at once
	clustertest.Within(t, 3*time.Minute, func() error {
		for volume := range strings.FieldsSeq(i.gluster("volume", "list")) {
			if healed[volume] {
				continue
			}
			// Otherwise, GlusterFS heals an entry again only ten minutes after a failure (cluster.heal-timeout).
			i.in("exec", "daemonset/glusterfs", "--", "bash", "-c", "gluster volume heal "+volume+" || true")
			info := i.gluster("volume", "heal", volume, "info")
			if healed[volume] = !hasBacklog.MatchString(info); !healed[volume] {
				return fmt.Errorf("entries of volume %s wait for self-heal:\n%s", volume, info)
			}
		}
		return nil
	})
}

var hasBacklog = regexp.MustCompile(`Number of entries: (?:[1-9]|-)`)

func heketiReplaced(t *testing.T, i installed) {
	t.Helper()
	before := i.heketi("volume", "list")
	i.in("delete", "pod/heketi-0", patience)
	i.in("rollout", "status", "statefulset/heketi", patience)
	if after := i.heketi("volume", "list"); after != before {
		t.Errorf("Heketi had the volumes\n%s\nand has\n%s", before, after)
	}
	canMakeVolumes(t, "after-heketi")
}

// devicesAdded also goes back to the images from before the upgrade of the servers.
func devicesAdded(t *testing.T, i installed) {
	t.Helper()
	i.upgrade(firstNodes(lab.BareDevices()))
	i.in("rollout", "status", "daemonset/"+nodePlugins, patience)
	topology := i.heketi("topology", "info")
	for _, device := range lab.BareDevices() {
		if got := strings.Count(topology, "Known Paths: "+device); got != lab.StorageNodes {
			t.Errorf("Heketi has %s of %d nodes, want %d:\n%s", device, got, lab.StorageNodes, topology)
		}
	}
	canMakeVolumes(t, "after-devices")
}

// deviceTakenOut follows docs/storage-nodes.md for a device that still works. Its bricks move to the node's other device. The device
// is then empty, so that it can be added again, as an empty disk in its place would be.
func deviceTakenOut(t *testing.T, i installed) {
	t.Helper()
	nodes, node := firstNodes(lab.BareDevices()), cluster.StorageNode(1)
	device, other := lab.BareDevices()[0], lab.BareDevices()[1]
	id := i.device(node.Name, device)
	if len(bricksIn(i, id)) == 0 {
		t.Fatalf("%s of %s has no bricks that could move", device, node.Name)
	}
	r := newReader(i)
	r.writeNodes(t, nodes)
	r.does(t.Context(), t, "Take out a device", map[string]string{"NODE": node.Name, "DEVICE": device})
	if left := i.nodes()[node.Name].DevicesInfo; len(left) != 1 || left[0].Name != other {
		t.Errorf("Heketi has these devices of %s: %+v; want only %s", node.Name, left, other)
	}
	if left := bricksIn(i, id); len(left) > 0 {
		t.Errorf("gluster still has bricks on the device: %q", left)
	}
	isHealed(t, i)
	nothingPending(t, i)
	i.upgrade(nodes)
	if i.device(node.Name, device) == id {
		t.Errorf("the device has the id %s again", id)
	}
}

func powerCut(t *testing.T, i installed) {
	t.Helper()
	node := cluster.StorageNode(2)
	before := startOfServer(i, node.Name)
	if err := node.Machine.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) // in which the pod writes
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Until the kubelet reports the new container, the pod counts as ready, because it was ready before the power cut.
	clustertest.Within(t, 3*time.Minute, func() error {
		if now := startOfServer(i, node.Name); now == before || !strings.Contains(now, "T") {
			return fmt.Errorf("the server of %s was started %q, and before the power cut %q", node.Name, now, before)
		}
		return nil
	})
	i.in("wait", "--for=condition=Ready", "pod", "--selector=glusterfs-node=pod", "--field-selector=spec.nodeName="+node.Name, patience)
	i.in("rollout", "status", "daemonset/glusterfs", patience)
	isHealed(t, i)
}

// startOfServer returns how often, and when, the container of a node's server was started.
func startOfServer(i installed, node string) string {
	i.Helper()
	const state = "{range .items[*].status.containerStatuses[*]}{.restartCount} {.state.running.startedAt}{end}"
	return strings.TrimSpace(i.in("get", "pods", "--selector=glusterfs-node=pod", "--field-selector=spec.nodeName="+node, "--output=jsonpath="+state))
}

// databaseLost removes the database from its volume, a loss that docs/day-one.md describes.
func databaseLost(t *testing.T, i installed) {
	t.Helper()
	before := i.heketi("volume", "list")
	i.in("scale", "statefulset/heketi", "--replicas=0")
	i.in("wait", "--for=delete", "pod/heketi-0", patience)
	const remover = `---
apiVersion: v1
kind: Pod
metadata: {name: remover, namespace: ` + namespace + `}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: registry.k8s.io/e2e-test-images/busybox:1.37.0-1
      command: [sh, -ec, "ls -l /db; rm /db/heketi.db"]
      volumeMounts: [{name: db, mountPath: /db}]
  volumes: [{name: db, persistentVolumeClaim: {claimName: heketi-db}}]
`
	if err := cluster.Apply(t.Context(), remover); err != nil {
		t.Fatal(err)
	}
	i.in("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/remover", patience)
	i.in("delete", "pod/remover", patience)
	i.in("scale", "statefulset/heketi", "--replicas=1")
	i.in("rollout", "status", "statefulset/heketi", patience)
	if after := i.heketi("volume", "list"); after != before {
		t.Errorf("Heketi had the volumes\n%s\nand has\n%s", before, after)
	}
	canMakeVolumes(t, "after-loss")
}

// canMakeVolumes creates a volume of the default class, and deletes it.
func canMakeVolumes(t *testing.T, name string) {
	t.Helper()
	bindClaim(t, name)
	deleteClaim(t, name)
}

// bindClaim creates a claim of the default class, and waits for its volume.
func bindClaim(t *testing.T, name string) {
	t.Helper()
	manifest := fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
`, name)
	if err := cluster.Apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
	clustertest.Kubectl(t, cluster, "wait", "--for=jsonpath={.status.phase}=Bound", "pvc/"+name, patience)
}

// deleteClaim deletes a claim, and waits until its volume is gone, too.
func deleteClaim(t *testing.T, name string) {
	t.Helper()
	pv := strings.TrimSpace(clustertest.Kubectl(t, cluster, "get", "pvc", name, "--output=jsonpath={.spec.volumeName}"))
	clustertest.Kubectl(t, cluster, "delete", "pvc/"+name, patience)
	clustertest.Kubectl(t, cluster, "wait", "--for=delete", "pv/"+pv, patience)
}

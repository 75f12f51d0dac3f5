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
		{"a server's pod is replaced", false, serverReplaced},
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

// serversUpgraded upgrades the pods of the servers, and waits until all files are healed.
func serversUpgraded(t *testing.T, i installed) {
	t.Helper()
	i.upgrade(firstNodes(lab.BareDevices()[:1]), "gluster.podAnnotations.upgraded=yes")
	if got := i.in("get", "pods", "--selector=glusterfs-node=pod", "--output=jsonpath={.items[*].metadata.annotations.upgraded}"); strings.Count(got, "yes") != lab.StorageNodes {
		t.Errorf("the servers' pods have the annotation %q, want it three times", got)
	}
	isHealed(t, i)
}

func devicesAdded(t *testing.T, i installed) {
	t.Helper()
	i.upgrade(firstNodes(lab.BareDevices()))
	topology := i.heketi("topology", "info")
	for _, device := range lab.BareDevices() {
		if got := strings.Count(topology, "Known Paths: "+device); got != lab.StorageNodes {
			t.Errorf("Heketi has %s of %d nodes, want %d:\n%s", device, got, lab.StorageNodes, topology)
		}
	}
	canMakeVolumes(t, "after-devices")
}

// deviceTakenOut follows docs/day-one.md for a failed device. The device's bricks move to the node's other device.
func deviceTakenOut(t *testing.T, i installed) {
	t.Helper()
	id := i.device("storage1", lab.BareDevices()[0])
	i.heketi("device", "disable", id)
	i.moveBricks("device", "remove", id)
	i.heketi("device", "delete", id)
	if topology := i.heketi("topology", "info"); strings.Contains(topology, id) {
		t.Errorf("Heketi still has the device %s:\n%s", id, topology)
	}
	isHealed(t, i)
	// The values still list the device, so the next upgrade adds it again, as it would add a replacement.
	i.upgrade(firstNodes(lab.BareDevices()))
	if i.device("storage1", lab.BareDevices()[0]) == id {
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

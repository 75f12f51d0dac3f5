package storage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/hung"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// databaseClientDies kills the FUSE client of Heketi's database. The driver mounts the volume again, but Heketi still has its
// database open on the dead client's mount, until the liveness probe of its container makes the kubelet start it again.
func databaseClientDies(t *testing.T, i installed) {
	t.Helper()
	name, err := heketiNode(i)
	if err != nil {
		t.Fatal(err)
	}
	nodes := cluster.Nodes()
	n := slices.IndexFunc(nodes, func(node *kubernetes.Node) bool { return node.Name == name })
	if n < 0 {
		t.Fatalf("Heketi's pod is on the unknown node %q", name)
	}
	volumes, starts := i.heketi("volume", "list"), startsOfHeketi(i)
	if err := hung.Signal(t.Context(), nodes[n].Machine, "heketidbstorage", "KILL"); err != nil {
		t.Fatal(err)
	}
	clustertest.Within(t, 4*time.Minute, func() error {
		if now := startsOfHeketi(i); now == starts {
			return fmt.Errorf("Heketi was started again %s times, as before its client died", now)
		}
		return nil
	})
	// Heketi could also have ended by itself.
	const reasons = "--field-selector=reason=Unhealthy,involvedObject.name=heketi-0"
	if said := i.in("get", "events", reasons, "--output=jsonpath={.items[*].message}"); !strings.Contains(said, "on the mount of a client that was replaced") {
		t.Errorf("the liveness probe has not noticed the mount of the dead client: %q", said)
	}
	i.in("wait", "--for=condition=Ready", "pod/heketi-0", patience)
	if after := i.heketi("volume", "list"); after != volumes {
		t.Errorf("Heketi had the volumes\n%s\nand has\n%s", volumes, after)
	}
	canMakeVolumes(t, "after-database-client")
}

// startsOfHeketi returns how often Heketi's container was started again in its pod.
func startsOfHeketi(i installed) string {
	i.Helper()
	return i.in("get", "pod/heketi-0", `--output=jsonpath={.status.containerStatuses[?(@.name=="heketi")].restartCount}`)
}

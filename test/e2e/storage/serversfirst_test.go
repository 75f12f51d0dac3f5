package storage

import (
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// serversUpgraded upgrades the servers, and then the node plugins with the clients, as docs/upgrade.md says. The new images are the
// old ones under another tag.
func serversUpgraded(t *testing.T, i installed) {
	t.Helper()
	version, err := driver.Version(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	const server, plugin = driver.Registry + "/glusterfs-storage-gluster:", driver.Registry + "/glusterfs-csi-node:"
	next := version + "-next"
	everyNode := len(cluster.Nodes())
	for _, node := range cluster.Nodes() {
		tagImage(t, node, plugin+version, plugin+next)
		if node.Storage {
			tagImage(t, node, server+version, server+next)
		}
	}
	nodes := firstNodes(lab.BareDevices()[:1])
	images := []string{"gluster.image.tag=" + next, "glusterfs-csi.node.image.tag=" + next}

	onDelete := []string{"glusterfs-csi.node.updateStrategy.type=OnDelete", "glusterfs-csi.node.updateStrategy.rollingUpdate=null"}
	i.upgrade(nodes, slices.Concat(images, onDelete)...)
	haveImages(t, i, ofServers, "glusterfs", map[string]int{server + next: lab.StorageNodes})
	haveImages(t, i, ofNodePlugins, "glusterfs-csi", map[string]int{plugin + version: everyNode})
	isHealed(t, i)
	hasNewestOperatingVersion(t, i)

	i.in("delete", "pods", "--selector="+ofNodePlugins, patience)
	haveImages(t, i, ofNodePlugins, "glusterfs-csi", map[string]int{plugin + next: everyNode})
	i.upgrade(nodes, images...)
	if got := i.in("get", "daemonset/"+nodePlugins, "--output=jsonpath={.spec.updateStrategy.type}"); got != "RollingUpdate" {
		t.Errorf("the next upgrade would replace the node plugins by %s, want RollingUpdate", got)
	}
}

// tagImage gives an image of a node a second name.
func tagImage(t *testing.T, node *kubernetes.Node, image, name string) {
	t.Helper()
	if _, err := node.Machine.Output(t.Context(), "ctr", "--namespace=k8s.io", "images", "tag", "--force", image, name); err != nil {
		t.Fatal(err)
	}
}

// hasNewestOperatingVersion checks the two commands of docs/upgrade.md that show GlusterFS's operating version. A new pool has the
// highest one, so there is nothing to raise.
func hasNewestOperatingVersion(t *testing.T, i installed) {
	t.Helper()
	present, highest := globalOption(t, i, "cluster.op-version"), globalOption(t, i, "cluster.max-op-version")
	if present != highest {
		t.Errorf("the operating version is %s, and the highest one is %s", present, highest)
	}
}

// globalOption returns the value of an option of the whole pool.
func globalOption(t *testing.T, i installed, name string) string {
	t.Helper()
	table := i.gluster("volume", "get", "all", name)
	_, value, _ := strings.Cut(table, name)
	if value = strings.TrimSpace(value); value == "" {
		t.Fatalf("gluster shows no value of %s:\n%s", name, table)
	}
	return value
}

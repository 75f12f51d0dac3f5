package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// TestNodesAndDisks adds and removes nodes, and lets a disk die, while a pod works on a volume of the default class.
func TestNodesAndDisks(t *testing.T) {
	t.Cleanup(func() { removeSpare(t) }) // after the installation has been taken apart
	i := install(t)
	r := newReader(i)
	w := startWorkload(t)
	for _, step := range []struct {
		name  string
		graph bool // the volume's bricks change
		do    func(*testing.T, installed, reader)
	}{
		{"one of three nodes cannot be taken out", false, nodeOfThreeStays},
		{"a node is added", false, nodeAdded},
		{"a node is taken out", true, nodeTakenOut},
		{"Heketi's node is lost", false, heketiNodeLost},
		{"a disk dies", true, diskDies},
		{"a node is lost for good", true, nodeLostForGood},
	} {
		ok := t.Run(step.name, func(t *testing.T) { step.do(t, installed{t, i.values}, r) })
		w.undisturbed(step.name, step.graph)
		if !ok {
			return
		}
	}
}

// nodeOfThreeStays tries all ways to remove one of three nodes, each of which has a copy of each file. None of them may change
// anything.
func nodeOfThreeStays(t *testing.T, i installed, _ reader) {
	t.Helper()
	before := i.bricks()
	node, device := i.node("storage3"), i.device("storage3", lab.BareDevices()[0])
	if out, err := i.tryUpgrade(onNodes(lab.BareDevices()[:1], 1, 2)); err == nil || !strings.Contains(out, "kept on 3 nodes") {
		t.Errorf("values with two nodes: %v: %s", err, out)
	}
	servers := uidsOfServers(i)
	if out, err := i.tryUpgrade(firstNodes(lab.BareDevices()[:1]), "gluster.hostPaths.glusterd=/data/glusterd"); err == nil || !strings.Contains(out, "they would start without their volumes") {
		t.Errorf("servers with another directory: %v: %s", err, out)
	}
	if now := uidsOfServers(i); now != servers {
		t.Errorf("the servers' pods had the uids %s and have %s", servers, now)
	}
	for _, refused := range []struct{ args, why string }{
		{"node remove " + node, "Node must be offline"},
		{"node delete " + node, "contains devices"},
		{"device delete " + device, "is not in failed state"},
		{"node disable " + node, ""},
		{"node remove " + node, "no device was found to replace device"},
		{"device remove " + device, "must be offline"},
		{"device disable " + device, ""},
		{"device remove " + device, "no device was found to replace it"},
		{"device delete " + device, "is not in failed state"},
		{"device delete --force-forget " + device, "is not in failed state"},
		{"device enable " + device, ""},
		{"node enable " + node, ""},
	} {
		out, err := i.tryHeketi(strings.Fields(refused.args)...)
		if refused.why == "" && err != nil || refused.why != "" && (err == nil || !strings.Contains(err.Error(), refused.why)) {
			t.Errorf("heketi-cli %s: %v: %s; want %q", refused.args, err, out, refused.why)
		}
	}
	if after := i.bricks(); !slices.Equal(after, before) {
		t.Errorf("gluster had the bricks %q and has %q", before, after)
	}
	if got := i.nodes()["storage3"]; got.State != "online" || got.DevicesInfo[0].State != "online" {
		t.Errorf("storage3 and its device are %s and %s, want both online", got.State, got.DevicesInfo[0].State)
	}
	nothingPending(t, i)
	canMakeVolumes(t, "after-refusals")
}

func uidsOfServers(i installed) string {
	i.Helper()
	return i.in("get", "pods", "--selector=glusterfs-node=pod", "--sort-by=.spec.nodeName", "--output=jsonpath={.items[*].metadata.uid}")
}

// nothingPending checks that Heketi has no unfinished operation.
func nothingPending(t *testing.T, i installed) {
	t.Helper()
	if err := unfinished(i, 0); err != nil {
		t.Error(err)
	}
}

func nodeAdded(t *testing.T, i installed, r reader) {
	t.Helper()
	spare := cluster.StorageNode(lab.Spare)
	if err := spare.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := spare.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	addNode(t, i, r, spare)
	getsBricks(t, i, spare)
}

// addNode follows docs/storage-nodes.md for an added node.
func addNode(t *testing.T, i installed, r reader, node *kubernetes.Node) {
	t.Helper()
	r.does(t.Context(), t, "Add a node", map[string]string{"NODE": node.Name, "DEVICE": lab.BareDevices()[0], "ZONE": "4"})
	i.device(node.Name, lab.BareDevices()[0])
}

// getsBricks creates volumes until one has a brick on the node: each volume has bricks on three of the four nodes.
func getsBricks(t *testing.T, i installed, node *kubernetes.Node) {
	t.Helper()
	for n := range 12 {
		name := fmt.Sprintf("on-%s-%d", node.Name, n)
		bindClaim(t, name)
		found := i.bricksOn(node) > 0
		deleteClaim(t, name)
		if found {
			return
		}
	}
	t.Errorf("none of 12 volumes has a brick on %s", node.Name)
}

// nodeTakenOut follows docs/storage-nodes.md for a node that is removed.
func nodeTakenOut(t *testing.T, i installed, r reader) {
	t.Helper()
	gone := cluster.StorageNode(1)
	if i.bricksOn(gone) == 0 {
		t.Fatalf("%s has no bricks that could move", gone.Name)
	}
	r.does(t.Context(), t, "Take out a node", map[string]string{"NODE": gone.Name})
	i.in("wait", "--for=delete", "pod", "--selector=glusterfs-node=pod", "--field-selector=spec.nodeName="+gone.Name, patience)

	isGone(t, i, gone)
	canMakeVolumes(t, "after-removal")
}

// isGone checks that three nodes are left, and have all bricks.
func isGone(t *testing.T, i installed, node *kubernetes.Node) {
	t.Helper()
	if bricks := i.bricks(); i.bricksOn(node) > 0 {
		t.Errorf("bricks of %s have not moved: %q", node.Name, bricks)
	}
	if _, ok := i.nodes()[node.Name]; ok {
		t.Errorf("Heketi still has %s", node.Name)
	}
	if pool := i.gluster("pool", "list"); strings.Contains(pool, node.Machine.IP) || strings.Count(pool, "Connected") != 3 {
		t.Errorf("gluster has the servers\n%s\nwant three, without %s", pool, node.Machine.IP)
	}
	isHealed(t, i)
	allOnline(t, i)
	nothingPending(t, i)
}

// heketiNodeLost cuts the power of the node on which Heketi runs, and follows docs/storage-nodes.md for it.
func heketiNodeLost(t *testing.T, i installed, r reader) {
	t.Helper()
	lost, kept := cluster.Node(1), cluster.Node(2)
	if workload := clustertest.Kubectl(t, cluster, "get", "pod/workload", "--output=jsonpath={.spec.nodeName}"); workload == lost.Name {
		lost, kept = kept, lost // the workload has no other node to go to
	}
	heketiOn(t, i, lost, kept)
	before := i.heketi("volume", "list")
	if err := lost.Machine.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { comesBack(t, lost, r) })
	r.does(t.Context(), t, "Heketi's node is lost", map[string]string{"NODE": lost.Name})
	if node, err := heketiNode(i); err != nil || node != kept.Name {
		t.Errorf("Heketi's pod is on %q, %v; want %s", node, err, kept.Name)
	}
	if after := i.heketi("volume", "list"); after != before {
		t.Errorf("Heketi had the volumes\n%s\nand has\n%s", before, after)
	}
	canMakeVolumes(t, "after-heketis-node")
}

func comesBack(t *testing.T, node *kubernetes.Node, r reader) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := node.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := node.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	r.does(ctx, t, "When the machine is back", nil)
}

// heketiOn makes Heketi run on one node, and not on the other.
func heketiOn(t *testing.T, i installed, node, other *kubernetes.Node) {
	t.Helper()
	if on, err := heketiNode(i); err != nil {
		t.Fatal(err)
	} else if on == node.Name {
		return
	}
	clustertest.Kubectl(t, cluster, "cordon", other.Name)
	i.in("delete", "pod/heketi-0", patience)
	i.in("rollout", "status", "statefulset/heketi", patience)
	clustertest.Kubectl(t, cluster, "uncordon", other.Name)
}

func heketiNode(i installed) (string, error) {
	i.Helper()
	return cluster.Kubectl(i.Context(), "--namespace="+namespace, "get", "pod/heketi-0", "--output=jsonpath={.spec.nodeName}")
}

// diskDies lets a disk die with its bricks, follows docs/storage-nodes.md for it, and puts an empty disk in its place.
func diskDies(t *testing.T, i installed, r reader) {
	t.Helper()
	nodes := onNodes(lab.BareDevices(), 2, 3, lab.Spare)
	i.upgrade(nodes)
	r.writeNodes(t, nodes)
	node, disk := cluster.StorageNode(2), lab.BareDevices()[0]
	id := i.device(node.Name, disk)
	if len(bricksIn(i, id)) == 0 {
		t.Fatalf("%s of %s has no bricks that could be lost", disk, node.Name)
	}
	if err := node.Machine.FailDisk(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	notReady(t, i, node)

	r.does(t.Context(), t, "A disk has died", map[string]string{"NODE": node.Name, "DEVICE": disk})
	if left := bricksIn(i, id); len(left) > 0 {
		t.Errorf("gluster still has bricks on the dead disk: %q", left)
	}
	isHealed(t, i)
	allOnline(t, i)
	nothingPending(t, i)
	canMakeVolumes(t, "after-disk")

	if err := node.Machine.NewDisk(t.Context(), disk); err != nil {
		t.Fatal(err)
	}
	r.does(t.Context(), t, "A new disk", nil)
	if i.device(node.Name, disk) == id {
		t.Errorf("the new disk has the id of the dead one, %s", id)
	}
}

// bricksIn lists gluster's bricks in the volume group that Heketi created on a device.
func bricksIn(i installed, device string) []string {
	i.Helper()
	return slices.DeleteFunc(i.bricks(), func(brick string) bool { return !strings.Contains(brick, "/vg_"+device+"/") })
}

// notReady waits until a node's server reports that bricks are offline. GlusterFS checks its bricks every half minute.
func notReady(t *testing.T, i installed, node *kubernetes.Node) {
	t.Helper()
	clustertest.Within(t, 3*time.Minute, func() error {
		out := i.in("get", "pods", "--selector=glusterfs-node=pod", "--field-selector=spec.nodeName="+node.Name,
			"--output=jsonpath={.items[*].status.containerStatuses[*].ready}")
		if out != "false" {
			return fmt.Errorf("the server of %s is ready: %s", node.Name, out)
		}
		return nil
	})
}

// allOnline checks that no brick and no self-heal daemon is offline.
func allOnline(t *testing.T, i installed) {
	t.Helper()
	if status := i.gluster("volume", "status", "all", "--xml"); strings.Contains(status, "<status>0</status>") {
		t.Errorf("gluster has bricks or self-heal daemons that are offline:\n%s", status)
	}
}

// nodeLostForGood permanently cuts the power of the spare node, which has bricks. Before, the node that was removed earlier joins
// again, without anything left of its time as a storage node.
func nodeLostForGood(t *testing.T, i installed, r reader) {
	t.Helper()
	again, lost := cluster.StorageNode(1), cluster.StorageNode(lab.Spare)
	if err := forget(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	addNode(t, i, r, again)
	if i.bricksOn(lost) == 0 {
		t.Fatalf("%s has no bricks that could be lost", lost.Name)
	}
	if err := lost.Machine.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.does(t.Context(), t, "A node is lost for good", map[string]string{"NODE": lost.Name})
	isGone(t, i, lost)
	canMakeVolumes(t, "after-loss-for-good")
}

// removeSpare takes the spare node out of the cluster, if it is there, and gives it empty disks.
func removeSpare(t *testing.T) {
	t.Helper()
	spare, ctx := cluster.StorageNode(lab.Spare), context.WithoutCancel(t.Context())
	if err := spare.Machine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, disk := range lab.BareDevices() {
		if err := errors.Join(spare.Machine.FailDisk(ctx, disk), spare.Machine.NewDisk(ctx, disk)); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(forget(ctx, spare), spare.Machine.PowerCut(ctx)); err != nil {
		t.Error(err)
	}
	if _, err := cluster.Kubectl(ctx, "delete", "node", spare.Name, "--ignore-not-found", patience); err != nil {
		t.Error(err)
	}
}

// forget removes the files that, according to docs/storage-nodes.md, stay on a former storage node.
func forget(ctx context.Context, node *kubernetes.Node) error {
	_, err := node.Machine.Output(ctx, "find", "/var/lib/glusterd", "/var/lib/heketi", "/etc/glusterfs", "-mindepth", "1", "-delete")
	return err
}

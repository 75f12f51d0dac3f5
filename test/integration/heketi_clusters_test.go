package integration_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestOfflineNodes takes nodes of one of two clusters offline: volumes go to the other cluster, names are found in both, and if
// no node is left there is no space. (test/faults covers lost answers and closed clusters.)
func TestOfflineNodes(t *testing.T) {
	server := labtest.MockHeketi(t)
	if err := server.AddCluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	clusters := clustersOf(t, server)
	c := newController(t, "url: "+server.URL)
	order := map[string]string{"clusterid": clusters[0].id + "," + clusters[1].id}

	first := c.mustCreate("pvc-first", order)
	if cluster := first.GetVolumeContext()["cluster"]; cluster != clusters[0].id {
		t.Errorf("the volume lies in cluster %s, want the first one that the class names, %s", cluster, clusters[0].id)
	}
	nodes(t, server, "disable", clusters[0].nodes[:1]) // three copies need three nodes
	second := c.mustCreate("pvc-second", order)
	if cluster := second.GetVolumeContext()["cluster"]; cluster != clusters[1].id {
		t.Errorf("the volume lies in cluster %s, want the one whose nodes are online, %s", cluster, clusters[1].id)
	}
	_, err := c.create("pvc-third", map[string]string{"clusterid": clusters[0].id})
	c.refused(err, codes.ResourceExhausted, "No space", "add a device or a node")
	nodes(t, server, "disable", clusters[0].nodes[1:])
	nodes(t, server, "disable", clusters[1].nodes)
	_, err = c.create("pvc-third", order)
	c.refused(err, codes.ResourceExhausted, clusters[0].id, clusters[1].id, "offline")
	for name, v := range map[string]string{"pvc-first": first.GetVolumeId(), "pvc-second": second.GetVolumeId()} {
		if found, err := c.create(name, order); err != nil || found.GetVolumeId() != v {
			t.Errorf("%s with all nodes offline: %s (%v), want %s", name, found.GetVolumeId(), err, v)
		}
	}
	nodes(t, server, "enable", append(clusters[0].nodes, clusters[1].nodes...))
	// The first cluster has space again, and must not get a second volume of that name.
	if found := c.mustCreate("pvc-second", order); found.GetVolumeId() != second.GetVolumeId() {
		t.Errorf("pvc-second was %s and is %s", second.GetVolumeId(), found.GetVolumeId())
	}
	if all := volumesIn(t, server); strings.Count(all, "Id:") != 2 {
		t.Errorf("Heketi has %q, want two volumes", all)
	}
	c.mustDelete(first.GetVolumeId())
	c.mustDelete(second.GetVolumeId())
}

type cluster struct {
	id    string
	nodes []string
}

func clustersOf(t *testing.T, server *lab.MockHeketi) []cluster {
	t.Helper()
	topology, err := outside.Topology(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	found := make([]cluster, 0, len(topology.ClusterList))
	for _, c := range topology.ClusterList {
		one := cluster{id: c.Id}
		for _, n := range c.Nodes {
			one.nodes = append(one.nodes, n.Id)
		}
		found = append(found, one)
	}
	if len(found) != 2 || len(found[0].nodes) != 3 || len(found[1].nodes) != 3 {
		t.Fatalf("Heketi has the clusters %v, want two of three nodes", found)
	}
	return found
}

func nodes(t *testing.T, server *lab.MockHeketi, order string, ids []string) {
	t.Helper()
	for _, id := range ids {
		labtest.CLI(t, server, "node", order, id)
	}
}

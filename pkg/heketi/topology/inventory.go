package topology

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// inventory holds the contents of Heketi before a load.
type inventory struct {
	clusters []heketi.Cluster
	nodes    map[string]heketi.Node // by the first name
	taken    map[string]bool        // ids of empty clusters that takeEmpty has returned
}

func read(ctx context.Context, server Server) (*inventory, error) {
	ids, err := server.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	has := &inventory{nodes: map[string]heketi.Node{}, taken: map[string]bool{}}
	for _, id := range ids {
		cluster, err := server.Cluster(ctx, id)
		if err != nil {
			return nil, err
		}
		has.clusters = append(has.clusters, cluster)
		for _, id := range cluster.Nodes {
			node, err := server.Node(ctx, id)
			if err == nil && (len(node.Manage) == 0 || len(node.Storage) == 0) {
				err = fmt.Errorf("node %s has no name or no address in Heketi", id)
			}
			if err != nil {
				return nil, err
			}
			has.nodes[node.Manage[0]] = node
		}
	}
	return has, nil
}

// clusterOf returns the id of the cluster that has nodes of c, or "" if there is none.
func (i *inventory) clusterOf(c Cluster) (string, error) {
	found := map[string][]string{}
	for _, n := range c.Nodes {
		if node, ok := i.nodes[n.Name()]; ok {
			found[node.Cluster] = append(found[node.Cluster], n.Name())
		}
	}
	switch ids := slices.Sorted(maps.Keys(found)); len(ids) {
	case 0:
		return "", nil
	case 1:
		return ids[0], nil
	default:
		var parts []string
		for _, id := range ids {
			parts = append(parts, fmt.Sprintf("%s in %s", strings.Join(found[id], ", "), id))
		}
		return "", errors.New("its nodes are in several of Heketi's clusters (" + strings.Join(parts, "; ") + "): list the nodes of each cluster separately, because a node cannot move between clusters")
	}
}

// takeEmpty returns a cluster that has the settings of c and neither nodes nor volumes, or "" if there is none. It returns each
// cluster only once.
func (i *inventory) takeEmpty(c Cluster) string {
	for _, has := range i.clusters {
		if len(has.Nodes) == 0 && len(has.Volumes) == 0 && has.File == c.File && has.Block == c.Block && !i.taken[has.ID] {
			i.taken[has.ID] = true
			return has.ID
		}
	}
	return ""
}

// beyond describes what Heketi has in addition to the topology.
func (i *inventory) beyond(t Topology) (beyond []string) {
	want := map[string]Node{}
	for _, n := range t.Nodes() {
		want[n.Name()] = n
	}
	for _, name := range slices.Sorted(maps.Keys(i.nodes)) {
		node, wanted := want[name]
		if !wanted {
			beyond = append(beyond, "node "+name)
			continue
		}
		for _, has := range i.nodes[name].Devices {
			if !slices.ContainsFunc(node.Devices, func(d Device) bool { return same(has, d) }) {
				beyond = append(beyond, fmt.Sprintf("device %s of node %s", path.Clean(has.Name), name))
			}
		}
	}
	for _, c := range i.clusters {
		if len(c.Nodes) == 0 && !i.taken[c.ID] {
			beyond = append(beyond, "cluster "+c.ID+", which has no nodes")
		}
	}
	return beyond
}

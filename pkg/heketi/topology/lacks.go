package topology

import (
	"context"
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// Lacks holds the parts of a topology that a Heketi lacks, by the names of nodes.
type Lacks struct {
	Nodes   []string // nodes that Heketi does not have
	Devices []string // nodes that Heketi has, but not with all devices
}

// Compare returns the parts of a topology that Heketi lacks. It changes nothing.
func Compare(ctx context.Context, server Server, t Topology) (Lacks, error) {
	had, err := read(ctx, server)
	if err != nil {
		return Lacks{}, fmt.Errorf("read Heketi's clusters and nodes: %w", err)
	}
	var lacks Lacks
	for _, n := range t.Nodes() {
		node, known := had.nodes[n.Name()]
		switch {
		case !known:
			lacks.Nodes = append(lacks.Nodes, n.Name())
		case slices.ContainsFunc(n.Devices, func(d Device) bool { return !hasDevice(node, d) }):
			lacks.Devices = append(lacks.Devices, n.Name())
		}
	}
	return lacks, nil
}

func hasDevice(node heketi.Node, d Device) bool {
	return slices.ContainsFunc(node.Devices, func(has heketi.Device) bool { return same(has, d) })
}

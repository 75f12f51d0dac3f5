package topology

import "slices"

// Topology is what a topology.json says.
type Topology struct{ Clusters []Cluster }

// Cluster is a set of nodes that trust each other.
type Cluster struct {
	Nodes []Node
	File  bool // it takes volumes of files, as is the default
	Block bool // it takes volumes that host block volumes, as is the default
}

// Node is a machine with disks.
type Node struct {
	Manage  []string // how Heketi reaches it: the name of the Kubernetes node, where gluster runs in pods
	Storage []string // how gluster reaches it
	Zone    int
	Tags    map[string]string
	Devices []Device
}

// Device is a disk of a node.
type Device struct {
	Name        string // path
	DestroyData bool   // Heketi may wipe it
	Tags        map[string]string
}

// Name is what Heketi knows the node by.
func (n Node) Name() string { return n.Manage[0] }

// Nodes returns the nodes of all clusters.
func (t Topology) Nodes() []Node {
	var nodes []Node
	for _, c := range t.Clusters {
		nodes = append(nodes, c.Nodes...)
	}
	return nodes
}

// Without returns the topology without the nodes of these names. A cluster stays at its place, also without nodes.
func (t Topology) Without(names map[string]string) Topology {
	var rest Topology
	for _, c := range t.Clusters {
		c.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(n Node) bool { _, without := names[n.Name()]; return without })
		rest.Clusters = append(rest.Clusters, c)
	}
	return rest
}

package topology

import "slices"

// Topology is the content of a topology.json.
type Topology struct{ Clusters []Cluster }

// Cluster is a set of nodes that form one trusted pool.
type Cluster struct {
	Nodes []Node
	File  bool // it takes file volumes; true by default
	Block bool // it takes volumes that host block volumes; true by default
}

// Node is a machine with disks.
type Node struct {
	Manage  []string // addresses for Heketi: the name of the Kubernetes node, if gluster runs in pods
	Storage []string // addresses for gluster
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

// Name returns the name by which Heketi identifies the node.
func (n Node) Name() string { return n.Manage[0] }

// Nodes returns the nodes of all clusters.
func (t Topology) Nodes() []Node {
	var nodes []Node
	for _, c := range t.Clusters {
		nodes = append(nodes, c.Nodes...)
	}
	return nodes
}

// Without returns the topology without the named nodes. A cluster keeps its position, even if it has no nodes left.
func (t Topology) Without(names map[string]string) Topology {
	var rest Topology
	for _, c := range t.Clusters {
		c.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(n Node) bool { _, without := names[n.Name()]; return without })
		rest.Clusters = append(rest.Clusters, c)
	}
	return rest
}

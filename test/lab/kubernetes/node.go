package kubernetes

import (
	"context"
	"net"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// pauseImage is the image of the container that holds each pod's network.
const pauseImage = "registry.k8s.io/pause:3.10.2"

// Node is a worker of the cluster, or a storage machine that is a node, too.
type Node struct {
	cluster *Cluster
	// Storage is true for a storage machine.
	Storage bool
	// Spare is true for the storage machine that the cluster does not start.
	Spare bool
	// Machine is the node's host.
	Machine *lab.Machine
	// Name is the name of the node and of its machine: "node1", "storage1".
	Name string
}

// Node returns the i-th worker, counted from 1.
func (c *Cluster) Node(i int) *Node {
	m := c.lab.Node(i)
	return &Node{cluster: c, Machine: m, Name: m.Name}
}

// StorageNode returns the i-th storage machine, counted from 1, in a lab with lab.Options.BareStorage. The machine with the
// number lab.Spare joins the cluster when it is started.
func (c *Cluster) StorageNode(i int) *Node {
	m := c.lab.Storage(i)
	return &Node{cluster: c, Machine: m, Name: m.Name, Storage: true, Spare: i == lab.Spare}
}

// Nodes lists the workers and, if they are nodes, the storage machines except the spare one.
func (c *Cluster) Nodes() []*Node {
	nodes := make([]*Node, 0, lab.ClientNodes+lab.StorageNodes)
	for i := 1; i <= lab.ClientNodes; i++ {
		nodes = append(nodes, c.Node(i))
	}
	if !c.lab.BareStorage() {
		return nodes
	}
	for i := 1; i <= lab.StorageNodes; i++ {
		nodes = append(nodes, c.StorageNode(i))
	}
	return nodes
}

// AllNodes lists the nodes, including the spare one if it exists.
func (c *Cluster) AllNodes() []*Node {
	if !c.lab.BareStorage() {
		return c.Nodes()
	}
	return append(c.Nodes(), c.StorageNode(lab.Spare))
}

// path returns the path of a file of the node's configuration.
func (n *Node) path(elem ...string) string {
	return n.cluster.path(append([]string{n.Name}, elem...)...)
}

// Kubeconfig returns the kubelet's own kubeconfig file.
func (n *Node) Kubeconfig() string { return n.cluster.kubeconfigFile(n.Name) }

// Disk returns the directory on the host that holds the node's /var/lib/kubelet and /var/lib/containerd, as "kubelet" and
// "containerd". The node's mounts are not visible there.
func (n *Node) Disk() string { return n.cluster.layout().WorkerDir(n.Name) }

// Containerd runs the node's containers. They survive its end.
func (n *Node) Containerd() *lab.Service {
	return n.Machine.Service(lab.Program{
		Name:  "containerd",
		Args:  []string{"/usr/bin/containerd", "--config=" + n.path("containerd.toml")},
		Ready: func(ctx context.Context) error { return run(n.Machine.Command(ctx, "ctr", "version")) },
	})
}

// Kubelet is the node's agent. It needs Containerd.
func (n *Node) Kubelet() *lab.Service {
	return n.Machine.Service(lab.Program{
		Name: "kubelet",
		Args: []string{
			n.cluster.Tool("kubelet"), "--config=" + n.path("kubelet.yaml"), "--kubeconfig=" + n.Kubeconfig(),
			"--node-ip=" + n.Machine.IP,
		},
		Ready: n.cluster.answers("http://" + net.JoinHostPort(n.Machine.IP, "10248") + "/healthz"),
	})
}

// Proxy forwards packets for a service's address to one of its pods.
func (n *Node) Proxy() *lab.Service {
	return n.Machine.Service(lab.Program{
		Name:  proxyName,
		Args:  []string{n.cluster.Tool(proxyName), "--config=" + n.path("kube-proxy.yaml")},
		Ready: n.cluster.answers("http://" + net.JoinHostPort(n.Machine.IP, "10256") + "/livez"),
	})
}

// Start switches on the node's machine and starts everything on it. The spare node also imports the images of the other nodes.
func (n *Node) Start(ctx context.Context) error {
	if err := n.Machine.Start(ctx); err != nil {
		return err
	}
	if err := n.Containerd().Start(ctx); err != nil {
		return err
	}
	if n.Spare {
		if err := n.importOnce(ctx); err != nil {
			return err
		}
	}
	return startAll(ctx, n.Kubelet(), n.Proxy())
}

// WaitReady waits until the node is ready for pods.
func (n *Node) WaitReady(ctx context.Context) error {
	for _, condition := range []string{"create", "condition=Ready"} {
		if _, err := n.cluster.Kubectl(ctx, "wait", "--for="+condition, "--timeout="+readyLimit.String(), "node/"+n.Name); err != nil {
			return err
		}
	}
	return nil
}

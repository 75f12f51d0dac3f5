package kubernetes

import (
	"context"
	"net"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// pauseImage holds the network of each pod.
const pauseImage = "registry.k8s.io/pause:3.10.2"

// Node is a worker of the cluster, or a storage machine that is one of its nodes.
type Node struct {
	cluster *Cluster
	// Storage is true for a storage machine.
	Storage bool
	// Spare is true for the storage machine that the cluster does not start.
	Spare bool
	// Machine is the node's host.
	Machine *lab.Machine
	// Name is the node's and its machine's: "node1", "storage1".
	Name string
}

// Node is the i-th worker, counted from 1.
func (c *Cluster) Node(i int) *Node {
	m := c.lab.Node(i)
	return &Node{cluster: c, Machine: m, Name: m.Name}
}

// StorageNode is the i-th storage machine, counted from 1, in a lab with lab.Options.BareStorage. The one with the number lab.Spare
// joins the cluster when it is started.
func (c *Cluster) StorageNode(i int) *Node {
	m := c.lab.Storage(i)
	return &Node{cluster: c, Machine: m, Name: m.Name, Storage: true, Spare: i == lab.Spare}
}

// Nodes lists the workers and, where they are nodes, the storage machines, but not the spare one.
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

// AllNodes lists the nodes and, where there is one, the spare one.
func (c *Cluster) AllNodes() []*Node {
	if !c.lab.BareStorage() {
		return c.Nodes()
	}
	return append(c.Nodes(), c.StorageNode(lab.Spare))
}

// path is a file of the node's configuration.
func (n *Node) path(elem ...string) string {
	return n.cluster.path(append([]string{n.Name}, elem...)...)
}

// Kubeconfig is the kubelet's own.
func (n *Node) Kubeconfig() string { return n.cluster.kubeconfigFile(n.Name) }

// Disk is the directory of the host that holds the node's /var/lib/kubelet and /var/lib/containerd, as "kubelet" and "containerd".
// What is mounted on the node is not mounted there.
func (n *Node) Disk() string { return n.cluster.layout().WorkerDir(n.Name) }

// Containerd runs the node's containers, which do not end with it.
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

// Proxy sends what is for the address of a service to one of its pods.
func (n *Node) Proxy() *lab.Service {
	return n.Machine.Service(lab.Program{
		Name:  proxyName,
		Args:  []string{n.cluster.Tool(proxyName), "--config=" + n.path("kube-proxy.yaml")},
		Ready: n.cluster.answers("http://" + net.JoinHostPort(n.Machine.IP, "10256") + "/livez"),
	})
}

// Start switches the node on, its machine and all that runs there. The spare node then gets the images that the others have.
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

// WaitReady waits until the node is there and ready for pods.
func (n *Node) WaitReady(ctx context.Context) error {
	for _, condition := range []string{"create", "condition=Ready"} {
		if _, err := n.cluster.Kubectl(ctx, "wait", "--for="+condition, "--timeout="+readyLimit.String(), "node/"+n.Name); err != nil {
			return err
		}
	}
	return nil
}

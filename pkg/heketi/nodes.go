package heketi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// Cluster is one of Heketi's clusters.
type Cluster struct {
	ID      string
	Nodes   []string // ids
	Volumes []string // ids
	File    bool     // it takes file volumes
	Block   bool     // it takes volumes that host block volumes
}

// Node is one of Heketi's storage nodes.
type Node struct {
	ID      string
	Cluster string   // id
	Manage  []string // addresses for Heketi, which uses only the first
	Storage []string // addresses for gluster; Heketi uses only the first
	Zone    int
	Devices []Device
}

// Device is a disk of a Node.
type Device struct {
	ID    string
	Name  string
	Paths []string // other paths of the disk that Heketi recorded
	UUID  string   // of LVM's physical volume on the disk; "" if Heketi did not record it
	State string   // online, offline or failed

	Bricks []string // ids
}

// NewNode describes a node that Heketi does not have yet.
type NewNode struct {
	Cluster         string // id
	Manage, Storage []string
	Zone            int
	Tags            map[string]string
}

// NewDevice describes a disk that Heketi does not have yet.
type NewDevice struct {
	Node string // id
	Name string
	Tags map[string]string
	// DestroyData makes Heketi wipe a disk that it could not use otherwise. A disk that Heketi already uses is never wiped.
	DestroyData bool
}

// Cluster returns a cluster.
func (c *Client) Cluster(ctx context.Context, id string) (Cluster, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return Cluster{}, err
	}
	info, err := client.ClusterInfo(id)
	if err == nil && info.Id != id {
		err = errNoCluster
	}
	if err != nil {
		return Cluster{}, c.typed(err, http.MethodGet, clustersPath+"/"+id)
	}
	return Cluster{ID: id, Nodes: info.Nodes, Volumes: info.Volumes, File: info.File, Block: info.Block}, nil
}

// Nodes returns the nodes of all clusters with their disks, sorted by their first name. It fails if a node has no name.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	clusters, err := c.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	var nodes []Node
	for _, id := range clusters {
		cluster, err := c.Cluster(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, id := range cluster.Nodes {
			n, err := c.Node(ctx, id)
			if err != nil {
				return nil, err
			}
			if len(n.Manage) == 0 {
				return nil, errors.New("node " + id + " has no name in Heketi")
			}
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Manage[0], b.Manage[0]) })
	return nodes, nil
}

// Node returns a node with its disks.
func (c *Client) Node(ctx context.Context, id string) (Node, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return Node{}, err
	}
	info, err := client.NodeInfo(id)
	if err == nil && info.Id != id {
		err = errNoNode
	}
	if err != nil {
		return Node{}, c.typed(err, http.MethodGet, "/nodes/"+id)
	}
	return newNode(info), nil
}

func newNode(info *api.NodeInfoResponse) Node {
	node := Node{ID: info.Id, Cluster: info.ClusterId, Manage: info.Hostnames.Manage, Storage: info.Hostnames.Storage, Zone: info.Zone}
	for _, d := range info.DevicesInfo {
		device := Device{ID: d.Id, Name: d.Name, Paths: d.Paths, UUID: d.PvUUID, State: string(d.State)}
		for _, b := range d.Bricks {
			device.Bricks = append(device.Bricks, b.Id)
		}
		node.Devices = append(node.Devices, device)
	}
	return node
}

// AddCluster makes a cluster without nodes and returns its id.
func (c *Client) AddCluster(ctx context.Context, file, block bool) (id string, err error) {
	err = c.backend.operate(ctx, "add-cluster", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		info, err := client.ClusterCreate(&api.ClusterCreateRequest{ClusterFlags: api.ClusterFlags{File: file, Block: block}})
		if err == nil && info.Id == "" {
			err = errNoCluster
		}
		if err != nil {
			return c.typed(err, http.MethodPost, clustersPath)
		}
		id = info.Id
		return nil
	})
	return id, err
}

// AddNode adds a node without disks to a cluster, and waits until it is a peer of the cluster's other nodes.
func (c *Client) AddNode(ctx context.Context, n NewNode) (added Node, err error) {
	err = c.backend.operate(ctx, "add-node", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		info, err := client.NodeAdd(&api.NodeAddRequest{
			ClusterId: n.Cluster, Zone: n.Zone, Tags: n.Tags,
			Hostnames: api.HostAddresses{Manage: n.Manage, Storage: n.Storage},
		})
		if err == nil && info.Id == "" {
			err = errNoNode
		}
		if err != nil {
			return c.typed(err, http.MethodPost, "/nodes")
		}
		added = newNode(info)
		return nil
	})
	return added, err
}

// AddDevice makes Heketi use a disk of a node, and waits for it. Heketi does not check whether it already has the disk; it only
// refuses a disk that is not empty.
func (c *Client) AddDevice(ctx context.Context, d NewDevice) error {
	return c.backend.operate(ctx, "add-device", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		request := &api.DeviceAddRequest{Device: api.Device{Name: d.Name, Tags: d.Tags}, NodeId: d.Node, DestroyData: d.DestroyData}
		if err := client.DeviceAdd(request); err != nil {
			return c.typed(err, http.MethodPost, "/devices")
		}
		return nil
	})
}

var (
	errNoCluster = errors.New("the answer describes no such cluster")
	errNoNode    = errors.New("the answer describes no such node")
)

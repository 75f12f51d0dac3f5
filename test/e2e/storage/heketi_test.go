package storage

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// heketi runs heketi-cli in Heketi's pod.
func (i installed) heketi(args ...string) string {
	i.Helper()
	out, err := i.tryHeketi(args...)
	if err != nil {
		i.Fatal(err)
	}
	return out
}

func (i installed) tryHeketi(args ...string) (string, error) {
	return cluster.Kubectl(i.Context(), append([]string{
		"--namespace=" + namespace, "exec", "statefulset/heketi", "--container=heketi", "--", "heketi-cli",
	}, args...)...)
}

// nodes returns Heketi's storage nodes, by their names.
func (i installed) nodes() map[string]api.NodeInfoResponse {
	i.Helper()
	var topology api.TopologyInfoResponse
	if err := json.Unmarshal([]byte(i.heketi("topology", "info", "--json")), &topology); err != nil {
		i.Fatal(err)
	}
	nodes := map[string]api.NodeInfoResponse{}
	for _, cluster := range topology.ClusterList {
		for _, node := range cluster.Nodes {
			nodes[node.Hostnames.Manage[0]] = node
		}
	}
	return nodes
}

// node returns Heketi's id of a node.
func (i installed) node(name string) string {
	i.Helper()
	node, ok := i.nodes()[name]
	if !ok {
		i.Fatalf("Heketi has no node %s", name)
	}
	return node.Id
}

// device returns Heketi's id of a node's device.
func (i installed) device(node, device string) string {
	i.Helper()
	for _, d := range i.nodes()[node].DevicesInfo {
		if d.Name == device {
			return d.Id
		}
	}
	i.Fatalf("Heketi has no device %s of %s", device, node)
	return ""
}

// bricks lists gluster's bricks, as ADDRESS:PATH, sorted.
func (i installed) bricks() []string {
	i.Helper()
	var bricks []string
	for line := range strings.Lines(i.gluster("volume", "info")) {
		if brick, ok := strings.CutPrefix(line, "Brick"); ok && strings.Contains(brick, ":/") {
			_, path, _ := strings.Cut(brick, ": ")
			bricks = append(bricks, strings.TrimSpace(path))
		}
	}
	slices.Sort(bricks)
	return bricks
}

// bricksOn counts gluster's bricks on a node.
func (i installed) bricksOn(node *kubernetes.Node) (count int) {
	i.Helper()
	for _, brick := range i.bricks() {
		if strings.HasPrefix(brick, node.Machine.IP+":") {
			count++
		}
	}
	return count
}

// gluster runs a command in the pod of one of the servers.
func (i installed) gluster(args ...string) string {
	i.Helper()
	return i.in(append([]string{"exec", "daemonset/glusterfs", "--", "gluster", "--mode=script"}, args...)...)
}

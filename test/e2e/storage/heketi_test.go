package storage

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
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

// moveBricks runs a command of Heketi that moves bricks, as docs/storage-nodes.md says. If a brick of Heketi's own volume moves,
// Heketi loses its open database, sometimes ends for that reason, and is restarted. Heketi refuses the command while self-heal
// lists entries, which also happens now and then while files are written.
func (i installed) moveBricks(args ...string) {
	i.Helper()
	clustertest.Within(i.T, 5*time.Minute, func() error {
		out, err := i.tryHeketi(args...)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("heketi-cli %s: %w: %s", strings.Join(args, " "), err, out)
		switch {
		case strings.Contains(err.Error(), "bad file descriptor"), strings.Contains(err.Error(), "exit code 137"):
			i.Logf("Heketi is started again: %v", err)
			i.in("rollout", "restart", "statefulset/heketi")
			i.in("rollout", "status", "statefulset/heketi", patience)
			i.cleanUpMoves()
		case strings.Contains(err.Error(), "source brick for data to be healed"):
			i.Log(err)
		default:
			i.Fatal(err)
		}
		return err
	})
}

// cleanUpMoves makes Heketi complete or undo interrupted moves of bricks. Without ids, Heketi would also undo expands.
func (i installed) cleanUpMoves() {
	i.Helper()
	moves := regexp.MustCompile(`(?m)^Id:(\w+)  Type:(?:remove-device|evict-brick)  Status:(?:stale|failed)`)
	for _, move := range moves.FindAllStringSubmatch(i.heketi("server", "operations", "list"), -1) {
		i.heketi("server", "operations", "cleanup", move[1])
	}
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

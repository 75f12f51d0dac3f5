package fuseclient

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// Client is a GlusterFS client that runs on this node.
type Client struct {
	Name      string // of its record, and of its cgroup
	PID       int
	Placement string // PlacementNode or PlacementPod
	Version   string // of its files on the node, as in "10.3-fa72aa9271d11132"; "" in the container
	Memory    int64  // bytes that are charged to it; 0 in the container
}

// Clients returns the clients of a state directory, those of earlier node plugins and those without a volume included. Their Memory
// is not filled in.
func Clients(stateDir string) []Client {
	running := runningClients(stateDir, "")
	clients := make([]Client, len(running))
	for i, c := range running {
		clients[i] = Client{Name: c.name(), PID: c.process.PID, Placement: PlacementNode, Version: versionOf(c.process)}
		if clients[i].Version == "" {
			clients[i].Placement = PlacementPod
		}
	}
	return clients
}

// Report is what a Manager shows of its clients.
type Report struct {
	Clients []Client
	InPod   bool  // new clients run in the container, whatever was asked for
	Deaths  int64 // clients that have ended while they were needed, since this process has been watching
}

// Report returns the state of the clients now.
func (m *Manager) Report() Report {
	clients, node := Clients(m.cfg.StateDir), m.node.Load()
	for i, c := range clients {
		if node != nil {
			clients[i].Memory, _ = node.Memory(c.Name) // one that has just ended needs none, and one in the container has no cgroup
		}
	}
	return Report{Clients: clients, InPod: node == nil, Deaths: m.deaths.Load()}
}

// versionOf returns which of the trees below the state directory is the root of a process, "" if none is.
func versionOf(p process) string {
	table, err := os.Open(p.procPath("mountinfo"))
	if err != nil {
		return ""
	}
	defer table.Close()
	roots, _ := mountinfo.GetMountsFromReader(table, mountinfo.SingleEntryFilter("/"))
	if len(roots) == 0 {
		return ""
	}
	dir, version := filepath.Split(strings.TrimSuffix(roots[0].Root, "//deleted"))
	if filepath.Base(dir) != placement.TreeDir {
		return ""
	}
	return version
}

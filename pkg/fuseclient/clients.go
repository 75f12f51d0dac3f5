package fuseclient

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// Client is a GlusterFS client that runs on this node.
type Client struct {
	Name      string // the name of its record and of its cgroup
	PID       int
	Placement string // PlacementNode or PlacementPod
	Version   string // of its files on the node, for example "10.3-fa72aa9271d11132"; "" in the container
	Memory    int64  // bytes charged to its cgroup; 0 in the container
}

// Clients searches all processes for the clients of a state directory, including those of earlier node plugins and those without
// a volume. It does not set their Memory.
func Clients(stateDir string) []Client {
	return describe(allRunning(stateDir))
}

// allRunning searches all processes for the clients of a state directory, and sets their versions.
func allRunning(stateDir string) []runningClient {
	running := runningClients(stateDir, "")
	for i, c := range running {
		running[i].version = versionOf(c.process)
	}
	return running
}

// describe describes clients whose versions are set.
func describe(running []runningClient) []Client {
	clients := make([]Client, len(running))
	for i, c := range running {
		clients[i] = Client{Name: c.name(), PID: c.process.PID, Placement: PlacementNode, Version: c.version}
		if c.version == "" {
			clients[i].Placement = PlacementPod
		}
	}
	return clients
}

// Report describes a Manager's clients.
type Report struct {
	Clients []Client
	InPod   bool  // new clients run in the container, even if Config asks for the node
	Old     int   // clients outside the container whose version is not that of new clients; 0 if new clients run in the container
	Deaths  int64 // clients that ended while they were needed, since this process started
	Lacking int   // volumes in use whose client has ended and is not replaced yet
}

// Report returns the current state of the clients that knownClients returns. It does not search all processes each time, because
// metrics are read often.
func (m *Manager) Report() Report {
	clients, node, old := describe(m.knownClients(false)), m.node.Load(), 0
	for i, c := range clients {
		if node == nil {
			continue
		}
		clients[i].Memory, _ = node.Memory(c.Name) // fails for a client that has ended, and for one in the container: it has no cgroup
		if c.Placement == PlacementNode && c.Version != node.Version() {
			old++
		}
	}
	return Report{Clients: clients, InPod: node == nil, Old: old, Deaths: m.deaths.Load(), Lacking: m.lacking()}
}

// lacking returns how many volumes lack a client. A volume whose first client is being started does not count: no pod uses it
// yet. While a later client is being started, the former client's mount is still at the staging path.
func (m *Manager) lacking() (n int) {
	m.mu.Lock()
	records := slices.Collect(maps.Values(m.records))
	m.mu.Unlock()
	for _, r := range records {
		if r.ready() {
			if !r.Process.alive() {
				n++
			}
			continue
		}
		// A rebuilt record may lack its publications.
		if top, _ := mount.Top(r.StagingPath); len(r.Publications) > 0 || top != nil {
			n++
		}
	}
	return n
}

// versionOf returns the version of the tree that is the root directory of a process, or "" if the process has another root
// directory.
func versionOf(p process) string {
	root, _ := mount.TopIn(p.PID, "/")
	if root == nil {
		return ""
	}
	dir, version := filepath.Split(strings.TrimSuffix(root.Root, "//deleted"))
	if filepath.Base(dir) != placement.TreeDir {
		return ""
	}
	return version
}

package fuseclient

import (
	"maps"
	"slices"
	"sync"
)

// foundClients holds the clients that the last search of all processes found, and those found since.
type foundClients struct {
	mu       sync.Mutex
	searched bool
	running  []runningClient
}

// knownClients returns the running clients: those that the last search found, and those started since. It searches at the first
// call, and if search is set. It can miss a client that was started since the last search and has no record any more: its volume
// was unstaged, but it still serves pods.
func (m *Manager) knownClients(search bool) []runningClient {
	m.found.mu.Lock()
	defer m.found.mu.Unlock()
	running := m.found.running
	if search || !m.found.searched {
		m.found.searched = true
		running = allRunning(m.cfg.StateDir)
	}
	running = slices.DeleteFunc(running, func(c runningClient) bool { return !c.process.alive() })
	processes := map[process]bool{}
	for _, c := range running {
		processes[c.process] = true
	}
	m.mu.Lock()
	records := slices.Collect(maps.Values(m.records))
	m.mu.Unlock()
	for _, r := range records {
		if r.ready() && !processes[r.Process] && r.Process.alive() {
			running = append(running, runningClient{r.Process, hash(r.Source.VolumeID), r.Generation, r.Source, versionOf(r.Process)})
		}
	}
	m.found.running = running
	return slices.Clone(running)
}

package healing

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// memory keeps, by client, where its mounts are and what is mounted inside them: on disk for the next node plugin, and here because
// it is needed at each change.
type memory struct {
	disk tables.Store

	mu    sync.Mutex
	all   map[string]tables.Snapshot
	saved map[string]int // how often each was saved
}

// openMemory reads what the last node plugin kept. What cannot be read is dropped: it is damaged, or of an earlier boot. What cannot be
// removed then is no reason not to serve volumes.
func openMemory(dir string) (*memory, error) {
	m := &memory{disk: tables.Store{Dir: dir}, all: map[string]tables.Snapshot{}, saved: map[string]int{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory for what is mounted where: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what is mounted where: %w", err)
	}
	for _, entry := range entries {
		client, ok := strings.CutSuffix(entry.Name(), ".json")
		if kept, known, _ := m.disk.Load(client); ok && known && kept.Client == client {
			m.all[client] = kept
		} else {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
	return m, nil
}

func (m *memory) list() []tables.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]tables.Snapshot, 0, len(m.all))
	for _, kept := range m.all {
		all = append(all, kept)
	}
	return all
}

func (m *memory) get(client string) (kept tables.Snapshot, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept, known = m.all[client]
	return kept, known
}

// saves returns how often something was kept of a client.
func (m *memory) saves(client string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved[client]
}

// put keeps a snapshot. An error says that it is here only.
func (m *memory) put(s tables.Snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keep(s)
}

// putAfter is put if nothing was kept of the client, or removed, since saves returned a number.
func (m *memory) putAfter(saves int, s tables.Snapshot) (kept bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved[s.Client] != saves {
		return false, nil
	}
	return true, m.keep(s)
}

func (m *memory) keep(s tables.Snapshot) error {
	m.all[s.Client] = s
	m.saved[s.Client]++
	return m.disk.Save(s.Client, s)
}

func (m *memory) remove(client string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, client)
	delete(m.saved, client)
	return m.disk.Remove(client)
}

package healing

import (
	"errors"
	"fmt"
	"io/fs"
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

	mu  sync.Mutex
	all map[string]tables.Snapshot
}

// openMemory reads what the last node plugin kept. What cannot be read is dropped: it is damaged, or of an earlier boot.
func openMemory(dir string) (*memory, error) {
	m := &memory{disk: tables.Store{Dir: dir}, all: map[string]tables.Snapshot{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory for what is mounted where: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what is mounted where: %w", err)
	}
	for _, entry := range entries {
		client, ok := strings.CutSuffix(entry.Name(), ".json")
		if kept, known, _ := m.disk.Load(client); ok && known {
			m.all[client] = kept
		} else if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
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

// put keeps a snapshot. An error says that it is here only.
func (m *memory) put(s tables.Snapshot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[s.Client] = s
	return m.disk.Save(s.Client, s)
}

func (m *memory) remove(client string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, client)
	return m.disk.Remove(client)
}

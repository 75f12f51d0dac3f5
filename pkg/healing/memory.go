package healing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// memory keeps, by client, where its mounts are and what is mounted inside them: on disk for the next node plugin, and here because
// it is needed at each change.
type memory struct {
	disk   tables.Store
	saving sync.Mutex // held while the disk is written to; what is here can be read meanwhile

	mu    sync.Mutex
	all   map[string]tables.Snapshot
	saved map[string]int // how often each was saved
	// newer are the clients of which a newer version of the driver has kept what this one cannot read.
	newer map[string]bool
}

// openMemory reads what the last node plugin kept. What cannot be read is dropped, since it is damaged or of an earlier boot; but what a
// newer version of the driver has written stays for the next upgrade. What cannot be removed is no reason not to serve volumes.
func openMemory(dir string) (*memory, error) {
	m := &memory{disk: tables.Store{Dir: dir}, all: map[string]tables.Snapshot{}, saved: map[string]int{}, newer: map[string]bool{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory for what is mounted where: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what is mounted where: %w", err)
	}
	for _, entry := range entries {
		client, ok := strings.CutSuffix(entry.Name(), ".json")
		kept, known, err := m.disk.Load(client)
		switch {
		case ok && known && kept.Client == client:
			m.all[client] = kept
		case ok && errors.Is(err, tables.ErrNewer):
			klog.Background().Info("Cannot use what was kept of the mounts of a client; what was mounted inside the volume returns only where it is seen again", "err", err.Error())
			m.newer[client] = true
		default:
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
	m.store(s)
	m.mu.Unlock()
	return m.write(s.Client)
}

// putAfter is put if nothing was kept of the client, or removed, since saves returned a number.
func (m *memory) putAfter(saves int, s tables.Snapshot) (kept bool, err error) {
	m.mu.Lock()
	kept = m.saved[s.Client] == saves
	if kept {
		m.store(s)
	}
	m.mu.Unlock()
	if !kept {
		return false, nil
	}
	return true, m.write(s.Client)
}

// store is called with the lock held.
func (m *memory) store(s tables.Snapshot) {
	m.all[s.Client] = s
	m.saved[s.Client]++
}

func (m *memory) remove(client string) error {
	m.mu.Lock()
	delete(m.all, client)
	delete(m.saved, client)
	m.mu.Unlock()
	return m.write(client)
}

// write brings the disk to what is kept of a client by now.
func (m *memory) write(client string) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	m.mu.Lock()
	s, known := m.all[client]
	spared := known && m.newer[client] && len(s.Tables) == 0 // what a newer version has kept says more than nothing
	if !spared {
		delete(m.newer, client)
	}
	m.mu.Unlock()
	switch {
	case spared:
		return nil
	case known:
		return m.disk.Save(client, s)
	}
	return m.disk.Remove(client)
}

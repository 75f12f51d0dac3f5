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

// memory holds a snapshot for each client: where its mounts are and what is mounted inside them. Snapshots are on disk for the
// next node plugin, and in memory because each change of a mount table needs them.
type memory struct {
	disk   tables.Store
	saving sync.Mutex // held while the disk is written; snapshots can be read meanwhile

	mu       sync.Mutex
	all      map[string]tables.Snapshot
	saved    map[string]int // the number of each client's last save, see saves
	last     int            // the largest of these numbers
	removals int
	// newer holds the clients whose snapshot on disk is from a newer version of the driver and cannot be read by this one.
	newer map[string]bool
}

// openMemory reads the snapshots of the last node plugin. It removes useless snapshots. It leaves a snapshot of a newer version of
// the driver for the next upgrade, and a snapshot that cannot be read now for the next start. It ignores files that it cannot
// remove, because volumes can be served nevertheless.
func openMemory(dir string) (*memory, error) {
	m := &memory{disk: tables.Store{Dir: dir}, all: map[string]tables.Snapshot{}, saved: map[string]int{}, newer: map[string]bool{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory for mount tables: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the saved mount tables: %w", err)
	}
	for _, entry := range entries {
		client, ok := strings.CutSuffix(entry.Name(), ".json")
		kept, known, err := m.disk.Load(client)
		switch {
		case ok && known && kept.Client == client:
			m.store(kept)
		case ok && errors.Is(err, tables.ErrNewer):
			klog.Background().Info("Cannot use the saved mount tables of a client; mounts inside the volume are restored only after they have been seen again", "err", err.Error())
			m.newer[client] = true
		case ok && err != nil && !errors.Is(err, tables.ErrUseless):
			klog.Background().Error(err, "Cannot read the saved mount tables of a client; mounts inside the volume are restored only after they have been seen again")
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

// saves returns a number that grows with each save of a client's snapshot. Without a snapshot, the number falls with each removal of
// any client's snapshot. So no number comes back after a removal, and the memory need not remember removed clients.
func (m *memory) saves(client string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.number(client)
}

// number is saves with the lock held.
func (m *memory) number(client string) int {
	if saved, known := m.saved[client]; known {
		return saved
	}
	return -m.removals // less than the number of any save
}

// put saves a snapshot. On an error it is in memory only.
func (m *memory) put(s tables.Snapshot) error {
	m.mu.Lock()
	m.store(s)
	m.mu.Unlock()
	return m.write(s.Client)
}

// putAfter is like put, but does nothing if another snapshot of the client was saved or removed meanwhile. The parameter saves is an
// earlier result of the method saves.
func (m *memory) putAfter(saves int, s tables.Snapshot) (kept bool, err error) {
	m.mu.Lock()
	kept = m.number(s.Client) == saves
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
	m.last++
	m.all[s.Client], m.saved[s.Client] = s, m.last
}

func (m *memory) remove(client string) error {
	m.mu.Lock()
	delete(m.all, client)
	delete(m.saved, client)
	m.removals++
	m.mu.Unlock()
	return m.write(client)
}

// write makes the snapshot of a client on disk the same as the one in memory.
func (m *memory) write(client string) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	m.mu.Lock()
	s, known := m.all[client]
	spared := known && m.newer[client] && len(s.Tables) == 0 // a newer version's snapshot is worth more than an empty one
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

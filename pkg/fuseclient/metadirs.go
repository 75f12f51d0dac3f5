package fuseclient

import (
	"os"
	"sync"
)

// metaDirs holds the .meta directories of clients, in which a client reports its own state without asking a brick. A lookup of
// .meta goes through the root directory, which needs bricks. So each .meta is looked up once and stays open.
type metaDirs struct {
	mu     sync.Mutex
	all    map[string]*os.File // keyed by name of the record
	closed map[string]bool     // retired clients, by the same key; an open .meta would keep them alive
}

func (m *metaDirs) get(r record) *os.File {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[r.name()]
}

// put stores dir, unless another call stored one first or the client was retired while it was being opened.
func (m *metaDirs) put(r record, dir *os.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[r.name()] != nil || m.closed[r.name()] || !r.Process.alive() {
		_ = dir.Close()
		return
	}
	if m.all == nil {
		m.all = map[string]*os.File{}
	}
	m.all[r.name()] = dir
}

// close closes the directory of a client that is being retired, for good.
func (m *metaDirs) close(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if dir, ok := m.all[r.name()]; ok {
		_ = dir.Close()
		delete(m.all, r.name())
	}
	if m.closed == nil {
		m.closed = map[string]bool{}
	}
	m.closed[r.name()] = true
}

// forget drops all state of a client that has ended.
func (m *metaDirs) forget(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.closed, r.name())
}

package fuseclient

import (
	"os"
	"sync"
)

// metaDirs are the directories .meta of clients, in which they tell about themselves without asking a brick. The way
// there leads through the root directory, which needs bricks: so it is gone once, and what it led to is kept.
type metaDirs struct {
	mu     sync.Mutex
	all    map[string]*os.File // by name of the record
	closed map[string]bool     // of clients that are to end, which a descriptor would keep
}

func (m *metaDirs) get(r record) *os.File {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[r.name()]
}

// put keeps dir, unless another call has put one first, or the client is to end: then a question was under way.
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

// close closes the directory of a client that is to end, for good.
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

// forget is for a client that has ended.
func (m *metaDirs) forget(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.closed, r.name())
}

package fuseclient

import (
	"os"
	"sync"
)

// metaDirs are the directories .meta of clients, in which they tell about themselves without asking a brick. The way
// there leads through the root directory, which needs bricks: so it is gone once, and what it led to is kept.
type metaDirs struct {
	mu  sync.Mutex
	all map[string]*os.File // by name of the record
}

func (m *metaDirs) get(r record) *os.File {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[r.name()]
}

// put keeps dir, unless another call has put one first.
func (m *metaDirs) put(r record, dir *os.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[r.name()] != nil {
		_ = dir.Close()
		return
	}
	if m.all == nil {
		m.all = map[string]*os.File{}
	}
	m.all[r.name()] = dir
}

func (m *metaDirs) close(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if dir, ok := m.all[r.name()]; ok {
		_ = dir.Close()
		delete(m.all, r.name())
	}
}

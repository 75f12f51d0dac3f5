package provisioner

import (
	"maps"
	"time"
)

// recordDeleted forgets a deleted volume, and keeps its id as a tombstone.
func (x *index) recordDeleted(id string) {
	const longestCreate = time.Hour // a create may hold an old answer about the volume for that long
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
	maps.DeleteFunc(x.deleted, func(_ string, at time.Time) bool { return time.Since(at) > longestCreate })
	x.deleted[id] = time.Now()
	delete(x.expanded, id)
}

// wasDeleted reports whether this process has deleted the volume.
func (x *index) wasDeleted(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, ok := x.deleted[id]
	return ok
}

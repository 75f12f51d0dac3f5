package healing

import "github.com/glusterfs-csi/glusterfs-csi/pkg/mount"

// Every fullScanEvery-th scan of the node's mount namespaces reads all tables.
const fullScanEvery = 20

// namespaceID identifies a mount namespace by its number and its first process, because the kernel reuses the number of a
// namespace that is gone.
type namespaceID struct {
	number  uint64 // 0 if it is not visible
	process int
}

// namespaces remembers the mount namespaces of this node. Listing them is cheap; reading their mount tables is expensive.
type namespaces struct {
	last, before map[namespaceID]bool // from the last scan and the one before
	scans        int
	incomplete   bool // not all tables could be read or watched
}

// newNamespaces reports whether a scan must read the tables of the node's mount namespaces.
func (h *Healer) newNamespaces() bool {
	views, err := mount.Views()
	now := make([]namespaceID, len(views))
	for i, v := range views {
		now[i] = namespaceID{v.Namespace, v.Processes[0]}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.namespaces.changed(now, err)
}

// readAgain makes the next scan read all tables.
func (h *Healer) readAgain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.namespaces.incomplete = true
}

// changed reports whether all tables must be read, given the current namespaces. A namespace counts as new in two scans, because
// a container gets its mounts a moment after its namespace. A mount that appears later in a known namespace is found by the scans
// after its publication, or through the watched table of the namespace. Otherwise the next full scan finds it.
func (n *namespaces) changed(now []namespaceID, err error) bool {
	changed := n.incomplete || n.scans%fullScanEvery == 0
	n.incomplete, n.scans = false, n.scans+1
	if err != nil {
		return true
	}
	current := make(map[namespaceID]bool, len(now))
	for _, id := range now {
		current[id] = true
		changed = changed || !n.before[id]
	}
	n.last, n.before = current, n.last
	return changed
}

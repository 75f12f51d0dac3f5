package healing

import "github.com/glusterfs-csi/glusterfs-csi/pkg/mount"

// fullLook is how many looks at the node's mount namespaces there are from one that reads the tables of all to the next.
const fullLook = 20

// namespaceID is a mount namespace and the first of its processes: the kernel gives the number of one that is gone to another.
type namespaceID struct {
	number  uint64 // 0 when it cannot be seen
	process int
}

// namespaces knows the mount namespaces of this node. To list them costs little, to read what is mounted in each costs much.
type namespaces struct {
	last, before map[namespaceID]bool // of the last look and of the one before
	looks        int
	incomplete   bool // not all tables could be read, or watched
}

// newNamespaces reports whether a look has to read the tables of the node's mount namespaces.
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

// readAgain makes the next look read all tables.
func (h *Healer) readAgain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.namespaces.incomplete = true
}

// changed reports whether all tables are to be read, given the namespaces that there are now. One is new at two looks, because a
// container gets its mounts a moment after its namespace. What is mounted later in one that is known follows a publication, or shows
// in its table, if that is watched; otherwise it waits for the next full look.
func (n *namespaces) changed(now []namespaceID, err error) bool {
	changed := n.incomplete || n.looks%fullLook == 0
	n.incomplete, n.looks = false, n.looks+1
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

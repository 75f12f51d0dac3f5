package provisioner

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// A create that joins an older one may get a volume as Heketi described it before an expand which has ended since.
// These keep that apart from what was read later.

// recordSize remembers the size that an expand has returned to its caller.
func (x *index) recordSize(v volume.Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expanded[v.Handle.ID] = max(x.expanded[v.Handle.ID], v.CapacityBytes)
}

// forgetSize forgets the recorded size: a reading that begins now cannot be older than the expand.
func (x *index) forgetSize(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.expanded, id)
}

// isStale reports whether an expand that ended after the volume was read has returned a larger size.
func (x *index) isStale(v volume.Volume) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.expanded[v.Handle.ID] > v.CapacityBytes
}

package provisioner

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// A create that joins an older create may get the volume as it was before an expand that has since ended. These functions detect
// such an outdated answer.

// recordSize remembers the size that an expand has returned to its caller.
func (x *index) recordSize(v volume.Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expanded[v.Handle.ID] = max(x.expanded[v.Handle.ID], v.CapacityBytes)
}

// forgetSize forgets the recorded size. It is called before the volume is read again, because the new answer includes the expand.
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

package provisioner

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// A create that joins an older one may get a volume as Heketi described it before an expand which has ended since.
// These keep that apart from what was read later.

// grew remembers the size that an expand has told its caller.
func (x *index) grew(v volume.Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expanded[v.Handle.ID] = max(x.expanded[v.Handle.ID], v.CapacityBytes)
}

// readsAnew forgets that size: what is read from now on cannot be from before.
func (x *index) readsAnew(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.expanded, id)
}

// outgrown reports whether an expand has ended after the volume was read, and has told a larger size.
func (x *index) outgrown(v volume.Volume) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.expanded[v.Handle.ID] > v.CapacityBytes
}

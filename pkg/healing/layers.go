package healing

import (
	"errors"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// liveIn returns the mounts of the volume's client in a namespace, by id.
func (r *repairer) liveIn(t tables.Table) map[int]tables.Mount {
	found, err := mountsOf(t.PID, r.volume.Device)
	if err != nil {
		return nil // usually the process has ended; after another error, at worst a replaced mount stays beneath a new one
	}
	live := make(map[int]tables.Mount, len(found))
	for _, m := range found {
		live[m.ID] = m
	}
	return live
}

// isReplacement reports whether a mount of the volume's client was put beneath a dead mount in order to replace the dead mount. This
// is the case after a node plugin was killed between the two steps of an exchange.
func (r *repairer) isReplacement(beneath, dead tables.Mount) bool {
	return beneath.Point == dead.Point && !beneath.Deleted && r.inVolume(beneath) == r.inVolume(dead) && sameFlags(beneath, dead)
}

func sameFlags(a, b tables.Mount) bool {
	flags := func(m tables.Mount) []string { return slices.Sorted(strings.SplitSeq(m.Options, ",")) }
	return slices.Equal(flags(a), flags(b))
}

// uncover removes a dead mount that lies on top of its replacement.
func (r *repairer) uncover(former tables.Snapshot, n *namespace, m tables.Mount) error {
	point, _, err := r.mountPoint(n, m)
	if err != nil {
		return err
	}
	defer point.Close()
	if err := r.checkEnded(former, m, point); err != nil {
		return err
	}
	return n.run(func() error {
		if isOwn(n.table) {
			return mount.Detach(point)
		}
		return mount.DetachInside(point, r.descriptors)
	})
}

// copyFlags copies the flags of a dead mount to the mount that covers it. On kernels before 6.5, a cover of the node's mount
// propagates to containers with the node's flags. Without copyFlags, a read-only mount in a container would become writable.
func (r *repairer) copyFlags(n *namespace, m, cover tables.Mount) {
	if isOwn(n.table) || cover.Device != r.volume.Device || r.inVolume(cover) != r.inVolume(m) || sameFlags(m, cover) {
		return
	}
	point, _, err := r.mountPoint(n, cover)
	if errors.Is(err, errGone) {
		return
	}
	if err == nil {
		defer point.Close()
		err = n.run(func() error { return mount.CopyFlags(point, m.Options, mount.Unchanged) })
	}
	if err != nil {
		klog.FromContext(r.ctx).Error(err, "Cannot copy the flags of a dead mount to the mount that covers it", "volumeID", r.volume.VolumeID, "path", m.Point, "pod", n.table.Pod)
		r.outcome.Pending++
	}
}

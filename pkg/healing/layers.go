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
		return nil // its process has ended, or a layer stays
	}
	live := make(map[int]tables.Mount, len(found))
	for _, m := range found {
		live[m.ID] = m
	}
	return live
}

// isReplacement reports whether a mount of the volume's client lies beneath a dead one because it was to take its place: a node plugin
// was killed between the two steps of an exchange.
func (r *repairer) isReplacement(beneath, dead tables.Mount) bool {
	return beneath.Point == dead.Point && !beneath.Deleted && r.inVolume(beneath) == r.inVolume(dead) && sameFlags(beneath, dead)
}

func sameFlags(a, b tables.Mount) bool {
	flags := func(m tables.Mount) []string { return slices.Sorted(strings.SplitSeq(m.Options, ",")) }
	return slices.Equal(flags(a), flags(b))
}

// uncover takes a dead mount off the one that is to take its place.
func (r *repairer) uncover(n *namespace, m tables.Mount) error {
	point, _, err := r.mountPoint(n, m)
	if err != nil {
		return err
	}
	defer point.Close()
	if err := r.checkEnded(m, point); err != nil {
		return err
	}
	return n.run(func() error {
		if isOwn(n.table) {
			return mount.Detach(point)
		}
		return mount.DetachInside(point, r.descriptors)
	})
}

// imitate gives what covers a dead mount the flags of that. On kernels before 6.5, what covers the node's mount appears with the node's
// flags on the mounts of containers that receive from it, so that a read-only one could be written through.
func (r *repairer) imitate(n *namespace, m, cover tables.Mount) {
	if isOwn(n.table) || cover.Device != r.volume.Device || r.inVolume(cover) != r.inVolume(m) || sameFlags(m, cover) {
		return
	}
	point, _, err := r.mountPoint(n, cover)
	if errors.Is(err, errGone) {
		return
	}
	if err == nil {
		defer point.Close()
		err = n.run(func() error { return mount.Imitate(point, m.Options, mount.Unchanged) })
	}
	if err != nil {
		klog.FromContext(r.ctx).Error(err, "Cannot give a mount that covers a dead one its flags", "volumeID", r.volume.VolumeID, "path", m.Point, "pod", n.table.Pod)
		r.outcome.Pending++
	}
}

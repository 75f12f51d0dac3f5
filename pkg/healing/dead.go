package healing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// passes bounds how often mount namespaces are looked through for dead mounts. A container that starts meanwhile may have got one.
const passes = 5

// replaceDead replaces the mounts of a client that has ended. It reports whether none of them is left.
func (r *repairer) replaceDead(dead tables.Snapshot) (done bool) {
	if r.isAnothers(dead.Device) {
		return true // the kernel gives a number again when no mount has it any more
	}
	pending := r.outcome.Pending // of other former clients
	for range passes {
		found, err := tables.Scan([]mount.Device{dead.Device})
		if err != nil { // one process that cannot be looked at must not keep the others from their mounts
			klog.FromContext(r.ctx).Error(err, "Cannot see all containers that may have mounts of a client that has ended", "volumeID", r.volume.VolumeID)
		}
		before, left := r.outcome.Mounts, 0
		r.outcome.Pending = pending
		for _, t := range found[dead.Device] { // this process's own first: what is there, containers' mounts are peers or slaves of
			left += r.replaceIn(dead, t)
		}
		if left == 0 {
			return err == nil
		}
		if r.outcome.Mounts == before {
			break
		}
	}
	return false
}

// isAnothers reports whether the number of a device is that of a client that lives.
func (r *repairer) isAnothers(d mount.Device) bool {
	for _, s := range r.Served() {
		if s.Device == d && s.Alive {
			return true
		}
	}
	return false
}

// exchange is a mount that is made and has to be put in the place of another one.
type exchange struct {
	mount       tables.Mount
	tree, point *os.File
}

// replaceIn replaces the dead mounts of one namespace, and returns how many were to be replaced.
func (r *repairer) replaceIn(dead tables.Snapshot, t tables.Table) (seen int) {
	n, err := enter(t)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0
		}
		r.note(t, tables.Mount{Point: "/"}, false, err)
		return 1
	}
	defer n.close()
	var made []exchange
	for _, m := range t.Volume(dead.Device) {
		if !r.volume.Owns(m.FSType, m.Source) || hasCover(t, m) || isBelow(t, m, dead.Device) {
			continue
		}
		seen++
		if isOwn(t) {
			r.keepGroup(m)
		}
		e, err := r.make(n, m, r.checkEnded)
		if err != nil {
			r.note(t, m, false, err)
			if errors.Is(err, mount.ErrTimeout) {
				break // something that the container has mounted hangs; others wait for their mounts
			}
			continue
		}
		made = append(made, e)
	}
	r.replaceAll(n, made)
	closeExchanges(made)
	return seen
}

func closeExchanges(made []exchange) {
	for _, e := range made {
		_ = e.tree.Close()
		_ = e.point.Close()
	}
}

func (r *repairer) replaceAll(n *namespace, made []exchange) {
	if len(made) == 0 {
		return
	}
	done := 0
	err := n.run(func() error {
		for _, e := range made {
			var covered bool
			var err error
			if isOwn(n.table) {
				covered, err = mount.Replace(e.tree, e.point)
			} else {
				covered, err = mount.ReplaceInside(e.tree, e.point, r.descriptors)
			}
			r.note(n.table, e.mount, covered, err)
			done++
		}
		return nil
	})
	for _, e := range made[done:] { // the namespace could not be entered
		r.note(n.table, e.mount, false, err)
	}
}

// hasCover reports whether a mount lies beneath another one at the same place, as on kernels that cannot exchange them.
func hasCover(t tables.Table, m tables.Mount) bool {
	_, covered := t.Cover(m)
	return covered
}

// isBelow reports whether a mount is inside another one of the same client, with which it is replaced.
func isBelow(t tables.Table, m tables.Mount, d mount.Device) bool {
	for _, other := range t.Volume(d) {
		if other.ID != m.ID && other.ID == m.Parent && other.Point != m.Point {
			return true
		}
	}
	return false
}

// make makes the mount that is to replace m, if check, which may be nil, has nothing against it.
func (r *repairer) make(n *namespace, m tables.Mount, check func(tables.Mount, *os.File) error) (exchange, error) {
	point, at, err := r.mountPoint(n, m)
	if err != nil {
		return exchange{}, err
	}
	if check != nil {
		err = check(m, point)
	}
	if err == nil {
		var tree *os.File
		if tree, err = r.tree(n, m, at.Inode, r.inside(n.table, m)); err == nil {
			return exchange{m, tree, point}, nil
		}
	}
	_ = point.Close()
	return exchange{}, err
}

// checkEnded makes sure, once for each device, that a client has ended: the number may be another one's by now, which serves the same
// volume and is not this driver's.
func (r *repairer) checkEnded(m tables.Mount, point *os.File) error {
	ended, known := r.ended[m.Device]
	if !known {
		var err error
		if ended, err = r.asker.ClientEndedAt(r.ctx, r.limits.Ask, m.Device.String(), point); err != nil {
			return err
		}
		r.ended[m.Device] = ended
	}
	if !ended {
		return errGone
	}
	return nil
}

// inside returns the mounts inside a mount, those there are and those that there were while its client or one before it lived, in an
// order in which they can be mounted.
func (r *repairer) inside(t tables.Table, m tables.Mount) []tables.Mount {
	nested := t.Nested(m)
	for _, former := range r.former {
		for _, then := range former.Tables {
			if then.Namespace != t.Namespace || t.Namespace == 0 && then.PID != t.PID {
				continue
			}
			for _, was := range then.Volume(former.Device) {
				if was.Point != m.Point {
					continue
				}
				for _, inner := range then.Nested(was) {
					if !hasPoint(nested, inner.Point) {
						nested = append(nested, inner)
					}
				}
			}
		}
	}
	return nested
}

func hasPoint(mounts []tables.Mount, point string) bool {
	for _, m := range mounts {
		if m.Point == point {
			return true
		}
	}
	return false
}

// keepGroup remembers where a peer group is to be found again.
func (r *repairer) keepGroup(m tables.Mount) {
	if group := tag(m.Propagation, "shared:"); group != "" {
		r.groups[group] = m.Point
	}
}

// tag returns the number in a word like "shared:7" of mountinfo's optional fields, or "".
func tag(propagation, kind string) string {
	for word := range strings.FieldsSeq(propagation) {
		if number, ok := strings.CutPrefix(word, kind); ok {
			return number
		}
	}
	return ""
}

func (r *repairer) tree(n *namespace, m tables.Mount, inode uint64, nested []tables.Mount) (*os.File, error) {
	dir, propagation, err := r.origin(isOwn(n.table), m, inode)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	tree, err := mount.CloneAt(dir)
	if err != nil {
		return nil, err
	}
	if err = mount.Imitate(tree, m.Options, propagation); err == nil && len(nested) > 0 {
		var whole *os.File
		whole, err = r.assemble(tree, m, nested)
		_ = tree.Close()
		tree = whole
	}
	if err != nil {
		if tree != nil {
			_ = tree.Close()
		}
		return nil, err
	}
	return tree, nil
}

// origin opens what a copy of becomes the new mount, and says how mounts propagate to that. A container's mount that receives from
// one on the node, or is in its peer group, becomes a copy of that one.
func (r *repairer) origin(own bool, m tables.Mount, inode uint64) (*os.File, uint64, error) {
	for _, kind := range []struct {
		tag         string
		propagation uint64
	}{{"shared:", mount.Peer}, {"master:", mount.Slave}} {
		point, known := r.groups[tag(m.Propagation, kind.tag)]
		if own || !known {
			continue
		}
		dir, err := mount.OpenPath(point)
		if err != nil {
			return nil, 0, err
		}
		at, err := mount.Identify(dir)
		if err == nil && at.Device == r.volume.Device && at.Inode == inode {
			return dir, kind.propagation, nil
		}
		_ = dir.Close()
	}
	dir, err := r.directory(m, inode, r.staging)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", m.Root, err)
	}
	return dir, mount.Private, nil
}

package healing

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// passes is the maximum number of scans for dead mounts. One scan is not enough, because a container that starts during the scan
// may get a dead mount.
const passes = 5

// replaceDead replaces the mounts of a client that has ended. It reports whether none of them is left.
func (r *repairer) replaceDead(dead tables.Snapshot) (done bool) {
	if dead.Replaced || r.hasLiveClient(dead.Device) || r.isReused(dead) {
		return true // the kernel reuses a device number only when no mount has it any more
	}
	pending := r.outcome.Pending // pending mounts of other former clients
	var leftOut []tables.Table   // tables with too many mounts; each repaired mount makes room for another
	defer func() { r.noteLeftOut(leftOut) }()
	for range passes {
		found, err := r.scanFor(dead.Device)
		if err != nil { // one unreadable process must not keep the others from being repaired
			klog.FromContext(r.ctx).Error(err, "Cannot see all containers that may have mounts of a client that has ended", "volumeID", r.volume.VolumeID)
		}
		if isOfAnotherVolume(dead.Device, found, r.volume, r.Served()) {
			return true
		}
		before, left := r.outcome.Mounts, 0
		r.outcome.Pending, leftOut = pending, nil
		for _, t := range found { // this process's table first: containers' mounts are peers or slaves of its mounts
			left += r.replaceIn(dead, t)
			if t.LeftOutBecause() != "" {
				leftOut = append(leftOut, t)
			}
		}
		if left == 0 {
			return err == nil && len(leftOut) == 0
		}
		if r.outcome.Mounts == before {
			break
		}
	}
	return false
}

// scanFor returns the tables that have mounts of a device. Each scan reads the tables of all processes, and there may be many repairs
// of volumes whose clients live, so at most scansAtOnce of these repairs scan at the same time. A repair after a death does not wait.
func (r *repairer) scanFor(d mount.Device) ([]tables.Table, error) {
	if !r.urgent {
		if err := r.scans.Acquire(r.ctx, 1); err != nil {
			return nil, err
		}
		defer r.scans.Release(1)
	}
	found, err := r.scan([]mount.Device{d})
	return found[d], err
}

// noteLeftOut records that mounts are not repaired because their container has too many mounts.
func (r *repairer) noteLeftOut(all []tables.Table) {
	for _, t := range all {
		r.note(t, tables.Mount{Point: "/"}, false, fmt.Errorf("%w: %s", errLost, t.LeftOutBecause()))
	}
}

// hasLiveClient reports whether a device number belongs to a live client.
func (r *repairer) hasLiveClient(d mount.Device) bool {
	for _, s := range r.Served() {
		if s.Device == d && s.Alive {
			return true
		}
	}
	return false
}

// isOfAnotherVolume reports whether a device is mounted at another volume's staging path in this process's namespace, and not at its
// own volume's staging path. The kernel has then reused the device number, even if the other volume's client has ended, too.
func isOfAnotherVolume(d mount.Device, found []tables.Table, own fuseclient.Served, served []fuseclient.Served) bool {
	for _, t := range found {
		if !isOwn(t) {
			continue
		}
		mounts := t.Volume(d)
		return !hasPoint(mounts, own.StagingPath) &&
			slices.ContainsFunc(served, func(s fuseclient.Served) bool { return s.VolumeID != own.VolumeID && hasPoint(mounts, s.StagingPath) })
	}
	return false
}

// exchange is a new mount and the mount that it is to replace.
type exchange struct {
	mount       tables.Mount
	tree, point *os.File
}

// replaceIn replaces the dead mounts of one namespace, and returns how many there were.
func (r *repairer) replaceIn(dead tables.Snapshot, t tables.Table) (seen int) {
	n, err := enter(t)
	if err != nil {
		if mount.IsGone(err) {
			return 0
		}
		r.note(t, tables.Mount{Point: "/"}, false, err)
		return 1
	}
	defer n.close()
	var made []exchange
	live := r.liveIn(t)
	for _, m := range t.Volume(dead.Device) {
		if !r.volume.Owns(m.FSType, m.Source) {
			continue
		}
		if cover, covered := t.Cover(m); covered {
			r.copyFlags(n, m, cover)
			continue
		}
		if isBelow(t, m, dead.Device) {
			continue
		}
		seen++
		if beneath, there := live[m.Parent]; there && r.isReplacement(beneath, m) {
			r.note(t, m, false, r.uncover(dead, n, m))
			continue
		}
		if isOwn(t) {
			r.recordGroup(m)
		}
		e, err := r.prepareExchange(n, m, func(m tables.Mount, point *os.File) error { return r.checkEnded(dead, m, point) })
		if err != nil {
			r.note(t, m, false, err)
			if errors.Is(err, mount.ErrTimeout) {
				break // a file system that the container mounted hangs; other containers must not wait for it
			}
			continue
		}
		made = r.add(n, made, e)
	}
	r.replaceAll(n, made)
	return seen
}

// atOnce is how many mounts of a namespace are made before they are put in place. Each needs two descriptors.
const atOnce = 100

// add adds an exchange to made. Once there are atOnce exchanges, it carries them out.
func (r *repairer) add(n *namespace, made []exchange, e exchange) []exchange {
	if made = append(made, e); len(made) < atOnce {
		return made
	}
	r.replaceAll(n, made)
	return nil
}

func closeExchanges(made []exchange) {
	for _, e := range made {
		_ = e.tree.Close()
		_ = e.point.Close()
	}
}

func (r *repairer) replaceAll(n *namespace, made []exchange) {
	defer closeExchanges(made)
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
	for _, e := range made[done:] { // these remain if the namespace could not be entered
		r.note(n.table, e.mount, false, err)
	}
}

// hasCover reports whether another mount lies on top of m, at the same mount point. This is how m is replaced on kernels that
// cannot exchange mounts.
func hasCover(t tables.Table, m tables.Mount) bool {
	_, covered := t.Cover(m)
	return covered
}

// isBelow reports whether a mount is inside another mount of the same client, and so is replaced together with it.
func isBelow(t tables.Table, m tables.Mount, d mount.Device) bool {
	for _, other := range t.Volume(d) {
		if other.ID != m.ID && other.ID == m.Parent && other.Point != m.Point {
			return true
		}
	}
	return false
}

// prepareExchange makes the mount that is to replace m. If the function check is not nil and returns an error, so does
// prepareExchange.
func (r *repairer) prepareExchange(n *namespace, m tables.Mount, check func(tables.Mount, *os.File) error) (exchange, error) {
	point, at, err := r.mountPoint(n, m)
	if err != nil {
		return exchange{}, err
	}
	if check != nil {
		err = check(m, point)
	}
	if err == nil {
		var nested []tables.Mount
		var tree *os.File
		if nested, err = r.inside(n.table, m); err == nil {
			if tree, err = r.tree(n, m, at.Inode, nested); err == nil {
				return exchange{m, tree, point}, nil
			}
		}
	}
	_ = point.Close()
	return exchange{}, err
}

// checkEnded returns errGone if the client of the mount's device is alive: the device number may now belong to another client of the
// same gluster volume. It asks once per device whose client has ended.
func (r *repairer) checkEnded(dead tables.Snapshot, m tables.Mount, point *os.File) error {
	if r.ended[m.Device] != nil {
		return nil
	}
	ended, err := r.asker.ClientEndedAt(r.ctx, r.limits.Ask, m.Device.String(), point)
	if err != nil {
		return err
	}
	if !ended {
		return errGone
	}
	held, err := duplicate(point)
	if err != nil {
		return fmt.Errorf("duplicate the descriptor of a mount whose client has ended: %w", err)
	}
	r.ended[m.Device] = held
	r.hold(dead, point)
	return nil
}

// recordGroup records the mount point of m under the peer group of m, so that origin can find the replacement of m.
func (r *repairer) recordGroup(m tables.Mount) {
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
	if err = mount.CopyFlags(tree, m.Options, propagation); err == nil && len(nested) > 0 {
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

// origin opens the directory whose clone becomes the new mount, and returns the propagation of the new mount. If a container's mount
// is a slave or a peer of a mount on the node, it opens the node's mount.
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

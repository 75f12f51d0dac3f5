package healing

import (
	"errors"
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// After a change of a client's graph, the kernel finds a different file when it next looks a name up. It then drops the mounts on
// that name in all mount namespaces. If mounts show the directory of that name, it marks the root of these mounts as deleted. The
// root of the volume always stays the same, and open files are not affected.

// restore looks up all relevant names, which makes the kernel drop mounts now rather than later. restore then puts the dropped
// mounts back. If the parameter all is true, it also records which mounts the containers have afterwards, and renews the mounts of
// containers that are not in the snapshot.
func (r *repairer) restore(was tables.Snapshot, all bool) error {
	// Names that were not found while bricks came back may exist now.
	r.outcome.Pending, r.outcome.Lost, r.outcome.lostIn, r.outcome.present, r.former = 0, nil, nil, nil, []tables.Snapshot{was}
	own, err := r.read(os.Getpid(), r.volume.Device)
	if err != nil {
		return err
	}
	used := append([]tables.Table{own}, was.Tables...)
	r.lookUp(used)
	for _, t := range used {
		err := r.restoreIn(t)
		if all && !isOwn(t) {
			err = errors.Join(err, r.recordPresent(t))
		}
		if err != nil && !mount.IsGone(err) { // otherwise the process has ended
			r.note(t, tables.Mount{Point: "/"}, false, err)
		}
	}
	if all {
		r.renewOthers(used)
	}
	return nil
}

// recordPresent records the mounts of a container.
func (r *repairer) recordPresent(was tables.Table) error {
	now, err := r.read(was.PID, r.volume.Device)
	if err == nil && now.Target() == was.Target() {
		now.Others = was.Others
		r.outcome.present = append(r.outcome.present, now)
	}
	return err
}

// renewOthers renews the mounts of containers that have started since the snapshot was taken.
func (r *repairer) renewOthers(known []tables.Table) {
	found, _ := r.scanFor(r.volume.Device) // on an error, the tables that could be read
	if err := r.ctx.Err(); err != nil {
		r.note(tables.Table{}, tables.Mount{Point: "/"}, false, err)
	}
	for _, t := range found {
		if t.PID == r.volume.PID || slices.ContainsFunc(known, func(k tables.Table) bool { return k.Target() == t.Target() }) {
			continue
		}
		n, err := enter(t)
		if err != nil {
			continue // the process has ended, or its namespace cannot be entered
		}
		r.renew(n)
		n.close()
	}
}

// lookUp looks up the directories that mounts show.
func (r *repairer) lookUp(used []tables.Table) {
	names := map[string]bool{".": true}
	for _, t := range used {
		for _, m := range t.Volume(r.volume.Device) {
			name := r.inVolume(m)
			if names[name] {
				continue
			}
			names[name] = true
			if dir, err := r.asker.Open(r.ctx, r.limits.Ask, r.staging, name); err == nil {
				_ = dir.Close()
			}
		}
	}
}

func (r *repairer) restoreIn(was tables.Table) error {
	n, err := enter(was)
	if err != nil {
		return err
	}
	defer n.close()
	if n.table, err = r.read(was.PID, r.volume.Device); err != nil {
		return err
	}
	r.renew(n)
	r.putBack(n, was)
	if was.LeftOutBecause() != "" {
		r.noteLeftOut([]tables.Table{was})
	}
	return nil
}

// renew replaces the mounts that can no longer be bound elsewhere, because the kernel has marked their directory or a directory
// above it as deleted. Running processes can still use such a mount, but nothing can be mounted in it, and a new container cannot
// get a copy of it.
func (r *repairer) renew(n *namespace) {
	unbindable, err := r.unbindable(n)
	if err != nil {
		r.note(n.table, tables.Mount{Point: "/"}, false, err)
	}
	var made []exchange
	for _, m := range n.table.Volume(r.volume.Device) {
		if hasCover(n.table, m) || r.inVolume(m) == "." || !m.Deleted && !unbindable[m.ID] {
			continue
		}
		if isOwn(n.table) {
			r.recordGroup(m)
		}
		e, err := r.prepareExchange(n, m, nil)
		if err != nil {
			r.note(n.table, m, false, err)
			continue
		}
		made = r.add(n, made, e)
	}
	r.replaceAll(n, made)
}

// putBack restores the mounts inside the volume's mounts in a container.
func (r *repairer) putBack(n *namespace, was tables.Table) {
	for _, m := range was.Volume(r.volume.Device) {
		nested := r.nested(was, m)
		if len(nested) == 0 {
			continue
		}
		point, _, err := r.mountPoint(n, m)
		if err != nil {
			r.note(was, m, false, err)
			continue
		}
		for some := range slices.Chunk(nested, atOnce) {
			r.putBackIn(n, was, m, point, some)
		}
		_ = point.Close()
	}
}

// putBackIn looks each name up and immediately restores the mount that was dropped there, so that it is missing only briefly.
func (r *repairer) putBackIn(n *namespace, was tables.Table, m tables.Mount, point *os.File, nested []tables.Mount) {
	copies := make([]*os.File, len(nested))
	defer closeAll(copies)
	failures := make([]error, len(nested))
	for i, inner := range nested {
		copies[i], failures[i] = r.cloneFormer(inner)
	}
	err := n.run(func() error {
		for i, inner := range nested {
			restored, err := r.putBackOne(point, relative(m.Point, inner.Point), inner, copies[i])
			if restored || err != nil {
				if copies[i] == nil {
					err = failures[i]
				}
				inner.ID = 0 // another mount may have this id by now
				r.note(was, inner, false, err)
			}
		}
		return nil
	})
	if err != nil {
		r.note(was, m, false, err)
	}
}

// putBackOne mounts the tree at a name if nothing is mounted there. If tree is nil, because the copy failed, it mounts nothing and
// reports true.
func (r *repairer) putBackOne(point *os.File, name string, was tables.Mount, tree *os.File) (restored bool, err error) {
	at, err := r.asker.OpenAcross(r.ctx, r.limits.Ask, point, name)
	if err != nil {
		return false, lostIfMissing(err)
	}
	defer at.Close()
	id, err := mount.Identify(at)
	if err != nil || id.IsRoot {
		return false, err // a mount is there
	}
	if err := checkDirectory(was, id); err != nil {
		return false, err
	}
	if tree == nil {
		return true, nil
	}
	return true, attach(tree, at)
}

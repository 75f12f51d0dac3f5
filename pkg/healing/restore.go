package healing

import (
	"errors"
	"io/fs"
	"os"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// After a change of a client's graph the kernel learns, when it next looks a name up, that there is another file; it then drops what is
// mounted there, in all mount namespaces, and the root of a mount that shows a directory counts as deleted. The root of the volume is
// the same always, and files that are open are not concerned.

// restore looks all names up that matter, upon which the kernel drops what it will drop at some time, and puts that back.
func (r *repairer) restore(was tables.Snapshot) error {
	r.outcome.Pending = 0
	for _, t := range was.Tables {
		n, err := enter(t)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.note(t, tables.Mount{Point: "/"}, false, err)
			continue
		}
		r.putBack(n, t)
		n.close()
	}
	return r.renewOwn()
}

// renewOwn replaces the mounts on the node that show a directory of the volume: the kubelet's for subPaths. A container that starts
// cannot use one whose directory counts as deleted.
func (r *repairer) renewOwn() error {
	t, err := tables.Read(os.Getpid(), r.volume.Device)
	if err != nil {
		return err
	}
	for _, m := range t.Volume(r.volume.Device) {
		if name := relative("/"+r.volume.Subdir, m.Root); name != "." {
			if dir, err := r.asker.Open(r.ctx, r.limits.Ask, r.staging, name); err == nil {
				_ = dir.Close()
			}
		}
	}
	if t, err = tables.Read(os.Getpid(), r.volume.Device); err != nil {
		return err
	}
	n, err := enter(t)
	if err != nil {
		return err
	}
	defer n.close()
	var made []exchange
	for _, m := range t.Volume(r.volume.Device) {
		if !m.Deleted || hasCover(t, m) {
			continue
		}
		e, err := r.makeForDeleted(n, m)
		if err != nil {
			r.note(t, m, false, err)
			continue
		}
		made = append(made, e)
	}
	r.replaceAll(n, made)
	closeExchanges(made)
	return nil
}

// makeForDeleted makes the mount that is to replace one of which the kernel says that its directory is deleted.
func (r *repairer) makeForDeleted(n *namespace, m tables.Mount) (exchange, error) {
	point, at, err := r.mountPoint(n, m)
	if err != nil {
		return exchange{}, err
	}
	tree, err := r.tree(n, m, at.Inode, nil)
	if err != nil {
		_ = point.Close()
		return exchange{}, err
	}
	return exchange{m, tree, point}, nil
}

// putBack mounts what was mounted inside the volume's mounts in a container.
func (r *repairer) putBack(n *namespace, was tables.Table) {
	for _, m := range was.Volume(r.volume.Device) {
		nested := was.Nested(m)
		if len(nested) == 0 {
			continue
		}
		point, _, err := r.mountPoint(n, m)
		if err != nil {
			r.note(was, m, false, err)
			continue
		}
		r.putBackIn(n, was, m, point, nested)
		_ = point.Close()
	}
}

// putBackIn looks each name up and mounts there at once what was dropped, so that the time without it is short.
func (r *repairer) putBackIn(n *namespace, was tables.Table, m tables.Mount, point *os.File, nested []tables.Mount) {
	copies := make([]*os.File, len(nested))
	defer closeAll(copies)
	failures := make([]error, len(nested))
	for i, inner := range nested {
		copies[i], failures[i] = r.again(inner)
	}
	err := n.run(func() error {
		for i, inner := range nested {
			restored, err := r.putBackOne(point, relative(m.Point, inner.Point), copies[i])
			if restored || err != nil {
				if copies[i] == nil {
					err = failures[i]
				}
				r.note(was, inner, false, err)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.note(was, m, false, err)
	}
}

// putBackOne mounts the tree at a name if nothing is mounted there.
func (r *repairer) putBackOne(point *os.File, name string, tree *os.File) (restored bool, err error) {
	at, err := r.asker.OpenAcross(r.ctx, r.limits.Ask, point, name)
	if err != nil {
		return false, lostIfMissing(err)
	}
	defer at.Close()
	id, err := mount.Identify(at)
	if err != nil || id.IsRoot {
		return false, err // it is mounted
	}
	if tree == nil {
		return true, nil
	}
	return true, mount.Attach(tree, at)
}

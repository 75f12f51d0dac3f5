package healing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// assemble returns a copy of tree with the mounts that were inside m. It works in a temporary mount namespace, because Linux
// before 6.15 cannot mount on a tree that is in no namespace.
func (r *repairer) assemble(tree *os.File, m tables.Mount, nested []tables.Mount) (whole *os.File, err error) {
	copies := make([]*os.File, len(nested))
	defer closeAll(copies)
	for i, inner := range nested {
		if copies[i], err = r.cloneFormer(inner); err != nil {
			return nil, fmt.Errorf("%s: %w", inner.Point, err)
		}
	}
	err = r.inTemporaryNamespace(func(dir string) error {
		if err := attachAt(tree, dir); err != nil {
			return err
		}
		base, err := mount.OpenPath(dir)
		if err != nil {
			return err
		}
		defer base.Close()
		for i, inner := range nested {
			if err := r.attachBelow(base, relative(m.Point, inner.Point), inner, copies[i]); err != nil {
				return fmt.Errorf("%s: %w", inner.Point, err)
			}
		}
		whole, err = mount.CloneAll(base)
		return err
	})
	return whole, err
}

func (r *repairer) attachBelow(base *os.File, name string, was tables.Mount, tree *os.File) error {
	at, err := r.asker.OpenAcross(r.ctx, r.limits.Ask, base, name)
	if err != nil {
		return lostIfMissing(err)
	}
	defer at.Close()
	id, err := mount.Identify(at)
	if err == nil {
		err = checkDirectory(was, id)
	}
	if err != nil {
		return err
	}
	return attach(tree, at)
}

// attach is like mount.Attach, but adds errLost to EINVAL, which means that a file was replaced by a directory or vice versa.
func attach(tree, at *os.File) error {
	err := mount.Attach(tree, at)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return err
}

// cloneFormer returns a copy of a mount that shows the same file or directory as the inner mount m, with the flags of m. It searches
// the mounts of this process first, then those of the node.
func (r *repairer) cloneFormer(m tables.Mount) (*os.File, error) {
	if m.FSType == mount.FSType {
		return r.ofVolume(m)
	}
	own, err := mountsOf(os.Getpid(), m.Device)
	if err != nil {
		return nil, err
	}
	tree, err := r.cloneFrom(own, m)
	if tree != nil || err != nil {
		return tree, err
	}
	tree, err = r.cloneOnNode(m)
	if tree == nil && err == nil {
		err = fmt.Errorf("%w: %s of %s (%s) is not mounted anywhere on the node", errLost, m.Root, m.Source, m.FSType)
	}
	return tree, err
}

// mountsOf returns the mounts of a device that a process sees.
func mountsOf(pid int, d mount.Device) ([]tables.Mount, error) {
	number := d.String()
	return tables.Select(pid, func(_ int, device, _ string) bool { return device == number })
}

// cloneFrom looks for a mount that shows the file or directory of m, and returns a clone of it. It searches the given mounts, which
// must be in the calling thread's namespace, and returns nil if it finds none. It checks the id of each mount that it opens, because
// a pod that can write to a directory on the path can make the path lead anywhere.
func (r *repairer) cloneFrom(all []tables.Mount, m tables.Mount) (*os.File, error) {
	root, err := mount.OpenPath("/")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, other := range slices.Backward(all) {
		if !shows(other, m) || isAnonymous(m) && other.Point != m.Node {
			continue
		}
		from, err := r.asker.OpenAcross(r.ctx, r.limits.Ask, root, relative("/", other.Point))
		if err != nil {
			continue // another mount hides it
		}
		at, err := mount.Identify(from)
		if err != nil || at.Mount != uint64(other.ID) || !at.IsRoot {
			_ = from.Close()
			continue
		}
		tree, err := r.cloneBelow(from, relative(other.Root, m.Root), m)
		_ = from.Close()
		return tree, err
	}
	return nil, nil //nolint:nilnil // as documented
}

func (r *repairer) cloneBelow(from *os.File, name string, m tables.Mount) (*os.File, error) {
	dir, err := r.asker.Open(r.ctx, r.limits.Ask, from, name)
	if errors.Is(err, unix.ENOENT) {
		dir, err = r.openPresent(from, name, m)
	}
	if err != nil {
		return nil, lostIfMissing(err)
	}
	defer dir.Close()
	return r.clone(dir, m)
}

func (r *repairer) clone(dir *os.File, m tables.Mount) (*os.File, error) {
	tree, err := mount.CloneAt(dir)
	if err != nil {
		return nil, err
	}
	if err := mount.CopyFlags(tree, m.Options, mount.Private); err != nil {
		_ = tree.Close()
		return nil, err
	}
	return tree, nil
}

// ofVolume is like cloneFormer, for a mount of a GlusterFS volume. The volume's present client may have another device than m, so
// m.Volume identifies the volume.
func (r *repairer) ofVolume(m tables.Mount) (*os.File, error) {
	s, staged := r.volume, true
	if m.Volume != s.VolumeID {
		s, staged = r.Serves(m.Volume)
	}
	switch {
	case m.Volume == "":
		return nil, fmt.Errorf("%w: %s is not known as a mount of one of the driver's volumes", errLost, m.Source)
	case !staged || !s.Owns(m.FSType, m.Source) || !hasDirectoryAsRoot(s, m) && !below("/"+s.Subdir, m.Root):
		return nil, fmt.Errorf("%w: volume %s (%s of %s) is not staged on the node", errLost, m.Volume, m.Root, m.Source)
	case !s.Alive:
		return nil, fmt.Errorf("%w: volume %s, which is mounted inside this one, has no client yet", mount.ErrUnavailable, s.VolumeID)
	}
	from, err := mount.OpenPath(s.StagingPath)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	// Serves returns a new client before that client is mounted at its staging path. Until then, the former client's mount is there.
	at, err := mount.Identify(from)
	if err == nil && at.Device != s.Device {
		err = fmt.Errorf("%w: volume %s, which is mounted inside this one, is not mounted at its staging path yet", mount.ErrUnavailable, s.VolumeID)
	}
	if err != nil {
		return nil, err
	}
	return r.cloneBelow(from, inVolume(s, m), m)
}

// cloneOnNode is like cloneFormer, but searches the mounts that process 1 sees.
func (r *repairer) cloneOnNode(m tables.Mount) (tree *os.File, err error) {
	pidfd, err := unix.PidfdOpen(1, 0)
	if err != nil {
		return nil, nil //nolint:nilnil // process 1's mounts are not visible
	}
	defer unix.Close(pidfd)
	all, err := mountsOf(1, m.Device)
	if err != nil {
		return nil, nil //nolint:nilnil // as above
	}
	err = mount.InMountNamespace(1, pidfd, func() error {
		tree, err = r.cloneFrom(all, m)
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return tree, err
}

// lostIfMissing adds errLost to the error of a file that is missing or leads elsewhere.
func lostIfMissing(err error) error {
	if isMissing(err) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return err
}

func isMissing(err error) bool {
	return slices.ContainsFunc([]error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EXDEV}, func(missing error) bool { return errors.Is(err, missing) })
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

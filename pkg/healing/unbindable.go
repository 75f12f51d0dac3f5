package healing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// If the kernel has marked a directory as deleted, the directories and files below it cannot be bound either. A mount of such a
// directory or file does not show this in the mount table, and can even be cloned: the kernel checks the directories above only when
// it attaches the clone.

// unbindable returns the ids of the volume's mounts in a namespace that cannot be bound, because the kernel has marked a directory
// above the mount's root as deleted.
func (r *repairer) unbindable(n *namespace) (map[int]bool, error) {
	var deep []tables.Mount
	for _, m := range n.table.Volume(r.volume.Device) {
		if strings.Count(m.Root, "/") > 1 && !m.Deleted && r.inVolume(m) != "." {
			deep = append(deep, m)
		}
	}
	found := map[int]bool{}
	for some := range slices.Chunk(deep, atOnce) {
		if err := r.tryBinds(n, some, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// tryBinds attaches a clone of each mount, as a container runtime does. If the kernel refuses a clone with ENOENT, it adds the
// mount's id to the map failed.
func (r *repairer) tryBinds(n *namespace, mounts []tables.Mount, failed map[int]bool) error {
	points, clones := make([]*os.File, len(mounts)), make([]*os.File, len(mounts))
	defer closeAll(points)
	defer closeAll(clones)
	for i, m := range mounts {
		var err error
		if points[i], _, err = r.mountPoint(n, m); errors.Is(err, mount.ErrTimeout) {
			break // as in replaceIn
		}
	}
	err := n.run(func() error {
		for i, point := range points {
			if point != nil { // otherwise the mount is gone, or cannot be replaced either
				clones[i], _ = mount.CloneAt(point)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.inTemporaryNamespace(func(dir string) error {
		// The clones are attached in a tmpfs, because the kernel locks the directory at which it attaches a mount, and the thread
		// never waits for a directory of a tmpfs.
		if err := unix.Mount("clones", dir, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("make a directory for clones: %w", err)
		}
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			return err
		}
		for i, clone := range clones {
			if clone == nil {
				continue
			}
			err := attachAt(clone, dir)
			if errors.Is(err, unix.EINVAL) { // the clone shows a file
				err = attachAt(clone, file)
			}
			switch {
			case err == nil:
				err = mount.Detach(clone) // the next clone must not be attached on top of this one
			case errors.Is(err, unix.ENOENT):
				failed[mounts[i].ID], err = true, nil
			}
			if err != nil {
				return fmt.Errorf("try to bind the mount at %s: %w", mounts[i].Point, err)
			}
		}
		return nil
	})
}

func attachAt(tree *os.File, path string) error {
	at, err := mount.OpenPath(path)
	if err != nil {
		return err
	}
	defer at.Close()
	return mount.Attach(tree, at)
}

// inTemporaryNamespace calls fn on a thread with a private copy of this process's mounts, and passes a directory at which fn may
// mount.
func (r *repairer) inTemporaryNamespace(fn func(dir string) error) error {
	return osthread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("make a mount namespace: %w", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make the mounts private: %w", err)
		}
		return fn(r.memory.disk.Dir)
	})
}

package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// A client's first mount shows the whole volume. A client with a separate mount namespace keeps that mount for as long as the
// volume needs the client, so that repairs can use it when every other mount of the volume is damaged. retire removes it, because
// it keeps the client from ending. Clients that share this process's mount namespace keep it only for a volume that is a
// directory; clients of earlier versions never have it.

// OpenWhole opens the root directory of a volume in its client's first mount, with O_PATH and without a request to the client. It
// returns ErrNotMounted if the volume has no client or the client no longer has that mount. The client does not exit by itself
// while the file is open.
func (m *Manager) OpenWhole(volumeID string) (*os.File, error) {
	r, _ := m.record(volumeID)
	root, err := m.openFresh(r)
	if err != nil {
		return nil, fmt.Errorf("%w: whole volume %s: %w", mount.ErrNotMounted, volumeID, err)
	}
	return root, nil
}

// CloneIn returns a clone of the mount of file, with file as its root. file is a directory or file below the directory that
// OpenWhole returned.
func (m *Manager) CloneIn(volumeID string, file *os.File) (*os.File, error) {
	r, _ := m.record(volumeID)
	return r.Process.cloneIn(file)
}

func (p process) cloneIn(file *os.File) (tree *os.File, err error) {
	err = p.inMountNamespace(func() error {
		tree, err = mount.CloneAt(file)
		return err
	})
	return tree, err
}

// openFresh opens the root of the client's first mount.
func (m *Manager) openFresh(r record) (*os.File, error) {
	root, err := mount.OpenPath(r.Process.procPath("root", m.freshPath(r)))
	if err != nil {
		return nil, err
	}
	at, err := mount.Identify(root)
	switch {
	case err != nil:
	case !r.Process.alive():
		err = errEnded // its process id may belong to another process
	case !at.IsRoot || at.Device != r.Device:
		err = errors.New("the client has left its first mount")
	default:
		return root, nil
	}
	_ = root.Close()
	return nil, err
}

// cloneMount clones a mount of the volume that belongs to its current client. It returns nil if there is none.
func (m *Manager) cloneMount(ctx context.Context, r record) (*os.File, error) {
	if m.onFresh(r) {
		return m.cloneFresh(ctx, r, m.limits.ask)
	}
	if r.root() != "/" {
		return nil, nil //nolint:nilnil // as documented
	}
	mounts, err := mount.MountsOf(r.Device)
	if err != nil {
		return nil, err
	}
	for _, found := range mounts {
		top, _ := mount.Top(found.Mountpoint) // another mount if the mount is hidden
		if top != nil && top.ID == found.ID && found.Root == "/" && (r.Source.Options.ReadOnly() || !mount.IsReadOnly(found)) {
			return mount.CloneTree(found.Mountpoint)
		}
	}
	return nil, nil //nolint:nilnil // as documented
}

// onFresh reports whether the client still has its first mount.
func (m *Manager) onFresh(r record) bool {
	_, mounted, _ := mount.DeviceAt(r.Process.procPath("root", m.freshPath(r)))
	return mounted && r.Process.alive() // otherwise the device number may belong to another client
}

// cloneFresh clones the client's first mount, or the volume's directory in it; the client may take as long as limit to look that
// up.
func (m *Manager) cloneFresh(ctx context.Context, r record, limit time.Duration) (tree *os.File, err error) {
	if r.root() != "/" {
		return m.cloneDirectory(ctx, r, limit)
	}
	err = r.Process.inMountNamespace(func() error {
		tree, err = mount.CloneTree(m.freshPath(r))
		return err
	})
	return tree, err
}

// removeFirstMountIfShared removes a client's first mount if it is in the mount namespace of this process, where a dying client
// would unmount whatever lies on its path. It keeps the mount of a volume that is a directory, because only that mount leads to
// the directory.
func (m *Manager) removeFirstMountIfShared(r record) error {
	if r.Process.isApart() || r.root() != "/" {
		return nil
	}
	return m.removeFirstMount(r)
}

// isApart reports whether a running process has a mount namespace other than this process's.
func (p process) isApart() bool {
	own, err := os.Readlink("/proc/self/ns/mnt")
	theirs, theirErr := os.Readlink(p.procPath("ns/mnt"))
	return err == nil && theirErr == nil && own != theirs
}

// removeFirstMount removes the client's first mount.
func (m *Manager) removeFirstMount(r record) error { return r.Process.removeFirstMount(m.freshPath(r)) }

func (p process) removeFirstMount(fresh string) error {
	var err error
	if _, mounted, _ := mount.DeviceAt(p.procPath("root", fresh)); mounted && p.alive() {
		err = p.inMountNamespace(func() error { return mount.Unmount(fresh, anyMount) })
	}
	// A client that shared this process's mount namespace may have died and left its mount.
	return errors.Join(err, mount.Unmount(fresh, anyMount), mount.RemoveDir(fresh))
}

// removeFirstMountIfUnused removes the first mount of a client whose record is lost, after which the client ends. It does nothing
// if the volume is in use: then the next call for the volume rebuilds the record.
func (p process) removeFirstMountIfUnused(fresh string) error {
	if device, mounted, _ := mount.DeviceAt(p.procPath("root", fresh)); mounted {
		used, err := mount.InUse(device, fsType, p.PID)
		if err != nil || used {
			return err
		}
	}
	return p.removeFirstMount(fresh)
}

package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// A client's first mount shows the whole volume. A client with a separate mount namespace keeps that mount for as long as the
// volume needs the client, so that repairs can use it when every other mount of the volume is damaged. retire removes that mount,
// because the client does not end while it has a mount. Clients that share this process's mount namespace keep it only for a
// volume that is a directory; clients of earlier versions never have it.
//
// A client that a malicious server has taken over can mount file systems that never answer, at any path in its mount namespace.
// So a child process (package fusequery) opens the path of the first mount, and this process uses only the open file.

// OpenWhole opens the root directory of a volume in its client's first mount, with O_PATH and without a request to the client. It
// returns ErrNotMounted if the volume has no client or the client no longer has that mount. The caller closes the file: while it
// is open, the client does not exit by itself.
func (m *Manager) OpenWhole(ctx context.Context, volumeID string) (*os.File, error) {
	r, _ := m.record(volumeID)
	root, err := m.openFresh(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%w: whole volume %s: %w", mount.ErrNotMounted, volumeID, err)
	}
	return root, nil
}

// CloneIn clones a mount that OpenWhole has opened. The root of the clone is the file or directory to which the argument file
// refers; it must have been opened in that mount. The caller closes the clone.
func (m *Manager) CloneIn(volumeID string, file *os.File) (*os.File, error) {
	r, _ := m.record(volumeID)
	return r.Process.cloneIn(file)
}

func (p process) cloneIn(file *os.File) (tree *os.File, err error) {
	err = p.inNamespaceOnly(func() error {
		tree, err = mount.CloneAt(file)
		return err
	})
	return tree, err
}

// openFresh opens the root of the client's first mount.
func (m *Manager) openFresh(ctx context.Context, r record) (*os.File, error) {
	root, at, err := m.openIn(ctx, r.Process, m.freshPath(r))
	if err != nil {
		return nil, err
	}
	if !at.IsRoot || at.Device != r.Device {
		_ = root.Close()
		return nil, errors.New("the client no longer has its first mount")
	}
	return root, nil
}

// openIn opens a path in the mount namespace of a client. If mounts are there, it opens the topmost mount. It returns errEnded if
// the client has ended.
func (m *Manager) openIn(ctx context.Context, client process, path string) (*os.File, mount.Identity, error) {
	pidfd, err := client.open()
	if pidfd == -1 {
		return nil, mount.Identity{}, errors.Join(err, errEnded)
	}
	defer unix.Close(pidfd)
	root, err := mount.RootOf(client.PID, pidfd)
	if err != nil {
		return nil, mount.Identity{}, err
	}
	defer root.Close()
	file, err := m.asker.OpenAcross(ctx, m.limits.ask, root, strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, mount.Identity{}, err
	}
	at, err := mount.Identify(file)
	if err != nil {
		_ = file.Close()
		return nil, mount.Identity{}, err
	}
	return file, at, nil
}

// cloneMount clones one of the mounts of the volume's current client. It returns nil if none is suitable.
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
		top, _ := mount.Top(found.Mountpoint) // another mount if it hides found
		if top != nil && top.ID == found.ID && found.Root == "/" && (r.Source.Options.ReadOnly() || !mount.IsReadOnly(found)) {
			return mount.CloneTree(found.Mountpoint)
		}
	}
	return nil, nil //nolint:nilnil // as documented
}

// onFresh reports whether the client still has its first mount.
func (m *Manager) onFresh(r record) bool {
	_, mounted, _ := mount.DeviceIn(r.Process.PID, m.freshPath(r))
	return mounted && r.Process.alive() // otherwise the device number may belong to another client
}

// cloneFresh clones the client's first mount or, for a volume that is a directory, that directory. limit is how long the client
// may take to look the directory up.
func (m *Manager) cloneFresh(ctx context.Context, r record, limit time.Duration) (tree *os.File, err error) {
	if r.root() != "/" {
		return m.cloneDirectory(ctx, r, limit)
	}
	root, err := m.openFresh(ctx, r)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return r.Process.cloneIn(root)
}

// removeFirstMountIfShared removes a client's first mount if the client shares the mount namespace of this process. In this
// namespace, a client of an earlier version unmounts, when it ends, whatever is mounted at the path of its first mount. The first
// mount stays if the volume is a directory, because only that mount leads to the directory.
func (m *Manager) removeFirstMountIfShared(ctx context.Context, r record) error {
	if r.Process.isApart() || r.root() != "/" {
		return nil
	}
	return m.removeFirstMount(ctx, r.Process, m.freshPath(r))
}

// isApart reports whether a running process has a mount namespace other than this process's.
func (p process) isApart() bool {
	own, err := os.Readlink("/proc/self/ns/mnt")
	theirs, theirErr := os.Readlink(p.procPath("ns/mnt"))
	return err == nil && theirErr == nil && own != theirs
}

// removeFirstMount removes the client's first mount, even if ctx is done.
func (m *Manager) removeFirstMount(ctx context.Context, client process, fresh string) error {
	var err error
	if client.isApart() {
		err = m.detachIn(context.WithoutCancel(ctx), client, fresh)
	}
	// A client that shares this process's mount namespace may have died and left its mount.
	return errors.Join(err, mount.Unmount(fresh, anyMount), mount.RemoveDir(fresh))
}

// detachIn removes all mounts at a path in the mount namespace of a client.
func (m *Manager) detachIn(ctx context.Context, client process, path string) error {
	descriptors, err := mount.OpenPath("/proc/self/fd")
	if err != nil {
		return err
	}
	defer descriptors.Close()
	for range mostFirstMounts {
		if _, mounted, err := mount.DeviceIn(client.PID, path); err != nil || !mounted || !client.alive() {
			return nil // nothing is mounted there, or the client has ended
		}
		point, at, err := m.openIn(ctx, client, path)
		if err != nil {
			return err
		}
		if at.IsRoot {
			err = client.inNamespaceOnly(func() error { return mount.DetachInside(point, descriptors) })
		}
		_ = point.Close()
		if err != nil || !at.IsRoot {
			return err
		}
	}
	return fmt.Errorf("unmount %s: still mounted after %d layers were removed", path, mostFirstMounts)
}

// mostFirstMounts limits how many mounts are removed from the path of a client's first mount.
const mostFirstMounts = 10

// removeFirstMountIfUnused removes the first mount of a client whose record is lost. The client then ends. If the volume is
// in use, removeFirstMountIfUnused does nothing, and the next call for the volume rebuilds the record.
func (m *Manager) removeFirstMountIfUnused(ctx context.Context, client process, fresh string) error {
	if device, mounted, _ := mount.DeviceIn(client.PID, fresh); mounted {
		used, err := mount.InUse(device, mount.FSType, client.PID)
		if err != nil || used {
			return err
		}
	}
	return m.removeFirstMount(ctx, client, fresh)
}

package fuseclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Unpublish implements mount.Mounter.
func (m *Manager) Unpublish(ctx context.Context, volumeID, targetPath string) error {
	target, err := m.resolveMounted(ctx, targetPath)
	if err != nil {
		return fmt.Errorf("target path: %w", err)
	}
	unlock, err := m.lock(ctx, "NodeUnpublishVolume", volumeID, target)
	if err != nil {
		return err
	}
	defer unlock()
	if err := mount.Unmount(target, m.mayDetach(volumeID)); err != nil {
		return err
	}
	m.dropPublication(volumeID, target)
	err = mount.RemoveDir(target)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%w: remove the target directory: %w; the directory holds data that was written while nothing was mounted; move the data away", mount.ErrInvalid, err)
	}
	return err
}

// Unstage implements mount.Mounter.
func (m *Manager) Unstage(ctx context.Context, volumeID, stagingPath string) error {
	path, err := m.resolveMounted(ctx, stagingPath)
	if err != nil {
		return fmt.Errorf("staging path: %w", err)
	}
	unlock, err := m.lock(ctx, "NodeUnstageVolume", volumeID, path)
	if err != nil {
		return err
	}
	defer unlock()
	r, ok, _ := m.restore(ctx, volumeID, path) // an error means that the client hangs; reap kills it
	m.unstaging.Store(r.name(), true)
	defer m.unstaging.Delete(r.name())
	if err := mount.Unmount(path, m.mayDetach(volumeID)); err != nil {
		return err
	}
	if err := mount.Unseal(path); err != nil { // the kubelet retries until it can remove the directory
		klog.FromContext(ctx).Error(err, "The staging directory may be immutable, so that it cannot be removed", "volumeID", volumeID)
	}
	switch {
	case !ok:
		logUnwritten(ctx, volumeID, errors.Join(m.forget(volumeID), removeLogs(m.logPath(volumeID))))
		return nil
	case r.StagingPath != path:
		klog.FromContext(ctx).Info("Volume stays staged, at another path", "volumeID", volumeID, "stagingPath", r.StagingPath, "asked", path)
		return nil
	}
	m.retire(ctx, r)
	logUnwritten(ctx, volumeID, errors.Join(m.forget(volumeID), removeLogs(m.logPath(volumeID))))
	return nil
}

// mayDetach returns a check that refuses mounts of other volumes and mounts that are not GlusterFS.
func (m *Manager) mayDetach(volumeID string) func(*mountinfo.Info) error {
	return func(top *mountinfo.Info) error {
		if other, found := m.owner(mount.DeviceOf(top), volumeID); found {
			return fmt.Errorf("%w: volume %s, not %s, is mounted at %s", mount.ErrInvalid, other, volumeID, top.Mountpoint)
		}
		if top.FSType != mount.FSType {
			return fmt.Errorf("%w: %s (%s) is mounted at %s, and not by this driver; unmount it by hand", mount.ErrInvalid, top.Source, top.FSType, top.Mountpoint)
		}
		return nil
	}
}

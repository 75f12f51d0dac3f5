package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Stage implements mount.Mounter.
func (m *Manager) Stage(ctx context.Context, source mount.Source, stagingPath string) error {
	if err := source.Validate(); err != nil {
		return err
	}
	path, err := m.resolve(ctx, stagingPath)
	if err == nil {
		err = isDir(path)
	}
	if err != nil {
		return fmt.Errorf("%w: staging path: %w; the orchestrator has to create it", mount.ErrInvalid, err)
	}
	unlock, err := m.lock(ctx, "NodeStageVolume", source.VolumeID, path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := m.compareStaged(ctx, source, path); err != nil {
		return err
	}
	_, err = m.ensure(ctx, source, path)
	return err
}

// compareStaged refuses a request for files other than those staged, and drops a record if nothing is left of its volume. A
// request with new mount options or servers is accepted, so that a running pod can restart its containers. The new options and
// servers apply from the client's next start.
func (m *Manager) compareStaged(ctx context.Context, source mount.Source, path string) error {
	r, ok, err := m.restore(ctx, source.VolumeID, path)
	if !ok || err != nil {
		return err
	}
	difference := r.Source.Difference(source)
	if r.StagingPath != path {
		difference = fmt.Sprintf("at %s, not %s", r.StagingPath, path)
	}
	if difference == "" {
		if r.Process.alive() && r.Source.Outdated(source) {
			m.update(ctx, r, source)
		}
		return nil
	}
	if top, _ := mount.Top(r.StagingPath); top != nil || r.Process.alive() {
		return fmt.Errorf("%w: volume %s is staged %s; unstage it first", mount.ErrConflict, source.VolumeID, difference)
	}
	m.retire(ctx, r)
	logUnwritten(ctx, source.VolumeID, m.forget(source.VolumeID))
	return nil
}

// The method completed adds data of a publish request to the volume's record, and returns the result. A rebuilt record lacks the
// cluster, and servers that the client was not started with. The record of a static volume also has no cluster; its servers and
// options are updated as in Stage.
func (m *Manager) completed(ctx context.Context, r record, source *mount.Source) record {
	if source == nil || r.Source.Cluster != "" || source.Validate() != nil || r.Source.Difference(*source) != "" || !r.Source.Outdated(*source) {
		return r
	}
	m.update(ctx, r, *source)
	r.Source = *source
	return r
}

// update stores the options and servers with which the volume's next client will be started.
func (m *Manager) update(ctx context.Context, r record, source mount.Source) {
	log := logger(ctx, r).WithValues("servers", source.Servers, "mountOptions", source.Options.String())
	r.Source = source
	logUnwritten(ctx, source.VolumeID, m.save(r))
	log.Info("The request for a volume in use has other servers or mount options than its record, or a cluster that the record lacks; the volume's next client uses them")
}

// ensure makes sure that a live client of the volume is mounted at path. If none is, it mounts the running client there, or
// starts a new client.
func (m *Manager) ensure(ctx context.Context, source mount.Source, path string) (record, error) {
	former, known := m.record(source.VolumeID)
	top, err := mount.Top(path)
	if err != nil {
		return record{}, fmt.Errorf("%w: staging path: %w", mount.ErrInvalid, err)
	}
	alive := former.Process.alive()
	switch {
	case top == nil:
	case alive && mount.DeviceOf(top) == former.Device:
		if err := m.refuseHung(ctx, former, path); err != nil {
			return record{}, err
		}
		logUnwritten(ctx, source.VolumeID, m.removeFirstMountIfShared(ctx, former))
		return former, nil
	default:
		if err := m.replaceable(ctx, top, source.VolumeID); err != nil {
			return record{}, err
		}
	}
	r, tree, err := m.liveClient(ctx, former, alive, source, path)
	if err != nil {
		return record{}, err
	}
	// If this fails, the record stays, and the next call binds the client that runs.
	if err := attachTree(tree, r, path); err != nil {
		return record{}, err
	}
	if known && former.Generation != r.Generation {
		m.retire(ctx, former)
		m.reportDeath(source.VolumeID) // watchForDeath does not report it, since it now finds another record
	}
	if m.cfg.Health {
		m.holdMeta(ctx, r, path)
	}
	logUnwritten(ctx, source.VolumeID, m.removeFirstMountIfShared(ctx, r))
	return r, nil
}

// attachTree mounts a clone of the volume's mount at its staging path, and closes the clone.
func attachTree(tree *os.File, r record, path string) error {
	defer tree.Close()
	return mount.AttachTree(int(tree.Fd()), r.Device, path, mount.Flags{Suid: r.Source.Options.Suid()})
}

// liveClient returns a client of the volume: former if that is alive, otherwise a new one. tree is a clone of the client's mount,
// or of the volume's directory in that mount.
func (m *Manager) liveClient(ctx context.Context, former record, alive bool, source mount.Source, path string) (r record, tree *os.File, err error) {
	if alive {
		if tree, err = m.cloneMount(ctx, former); tree != nil || err != nil {
			return former, tree, err
		}
	}
	if r, err = m.start(ctx, source, path); err != nil {
		return record{}, nil, err
	}
	if tree, err = m.cloneFresh(ctx, r, m.cfg.StartTimeout); err != nil {
		return record{}, nil, withCleanup(err, m.undo(r, former))
	}
	return r, tree, nil
}

// undo ends a client that was just started and is not used, because the orchestrator does not unstage a volume that it could not
// stage. It also restores the volume's former record, if there was one.
func (m *Manager) undo(r, former record) error {
	var err error
	if former.Source.VolumeID == "" {
		err = m.forget(r.Source.VolumeID)
	} else {
		err = m.save(former)
	}
	return errors.Join(err, m.discard(r)) // after the record: the end must not count as the death of a needed client
}

// replaceable returns an error for a mount that must not be replaced: any mount except a GlusterFS mount whose client is gone for
// good.
func (m *Manager) replaceable(ctx context.Context, top *mountinfo.Info, volumeID string) error {
	if other, found := m.owner(mount.DeviceOf(top), volumeID); found {
		return fmt.Errorf("%w: volume %s is mounted at %s", mount.ErrConflict, other, top.Mountpoint)
	}
	if top.FSType != mount.FSType {
		return fmt.Errorf("%w: %s (%s) is mounted at %s, and not by this driver", mount.ErrConflict, top.Source, top.FSType, top.Mountpoint)
	}
	ended, err := m.clientEnded(ctx, mount.DeviceOf(top), top.Mountpoint)
	switch {
	case errors.Is(err, mount.ErrTimeout):
		return fmt.Errorf("%w: the GlusterFS client at %s hangs", mount.ErrUnavailable, top.Mountpoint)
	case err != nil:
		return err
	case !ended:
		return fmt.Errorf("%w: %s is mounted at %s by a GlusterFS client that is alive and not this volume's; unmount it there first",
			mount.ErrConflict, top.Source, top.Mountpoint)
	}
	return nil
}

// refuseHung returns ErrUnavailable if the client does not answer a request that needs no brick, because the container runtime
// would hang in the mount. Missing bricks are no reason to refuse. A client that was started a moment ago is not asked, so that a
// publish costs no more than its bind.
func (m *Manager) refuseHung(ctx context.Context, r record, path string) error {
	if age := time.Since(time.Unix(0, r.Generation)); age >= 0 && age < m.limits.calm {
		return nil
	}
	_, err := m.clientEnded(ctx, r.Device, path)
	m.hung.note(ctx, r.name(), err) // package healing then asks the client, whose other requests may all be answered or given up
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	case errors.Is(err, mount.ErrTimeout):
		return fmt.Errorf("%w: the GlusterFS client at %s hangs (%v); if that persists, delete the volume's pods on this node",
			mount.ErrUnavailable, path, err) //nolint:errorlint // only one sentinel
	}
	logger(ctx, r).Error(err, "Cannot ask the GlusterFS client whether it hangs")
	return nil
}

// clientEnded asks the client of a device that is mounted at path, and reports whether the client has ended. It returns
// ErrTimeout if the client hangs.
func (m *Manager) clientEnded(ctx context.Context, device mount.Device, path string) (bool, error) {
	return m.asker.ClientEnded(ctx, m.limits.ask, device.String(), path)
}

func anyMount(*mountinfo.Info) error { return nil }

// isDir checks that path is a directory. A mount point counts as one without a stat, which could block.
func isDir(path string) error {
	switch top, err := mount.Top(path); {
	case err != nil:
		return err
	case top != nil:
		return nil // this driver never binds files
	}
	info, err := os.Lstat(path) //nolint:gosec // the path is the orchestrator's
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "stat", Path: path, Err: errors.New("not a directory")}
	}
	return err
}

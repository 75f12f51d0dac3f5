package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Publish implements mount.Mounter.
func (m *Manager) Publish(ctx context.Context, p mount.Publication) error {
	staging, err := m.resolve(ctx, p.StagingPath)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: staging path: %w; NodeStageVolume has to come first", mount.ErrNotStaged, err)
	}
	if err != nil {
		return fmt.Errorf("staging path: %w", err)
	}
	target, err := m.resolve(ctx, p.TargetPath)
	if err != nil {
		return fmt.Errorf("%w: target path: %w; the orchestrator has to create its parent", mount.ErrInvalid, err)
	}
	unlock, err := m.lock(ctx, "NodePublishVolume", p.VolumeID, target)
	if err != nil {
		return err
	}
	defer unlock()
	r, known, err := m.restore(ctx, p.VolumeID, staging)
	if err != nil {
		return err
	}
	if !known {
		r = fromRequest(p, staging)
	}
	if r.StagingPath != staging {
		return fmt.Errorf("%w: volume %s at %s; NodeStageVolume has to come first", mount.ErrNotStaged, p.VolumeID, p.StagingPath)
	}
	if err := compareWithRequest(r, p, target); err != nil {
		return err
	}
	if known {
		r = m.completed(ctx, r, p.Source)
	}
	// An orchestrator does not stage the volume again when its client has died, so ensure starts a new one here.
	if r, err = m.ensure(ctx, r.Source, staging); err != nil {
		return err
	}
	if err := m.bind(ctx, r, p, target); err != nil {
		return err
	}
	m.addPublication(p, target)
	return nil
}

// fromRequest returns a record made from the request, for a volume whose record and client are both lost but whose dead mount is
// still there. Without such a mount or a valid request, it returns an empty record.
func fromRequest(p mount.Publication, staging string) record {
	top, _ := mount.Top(staging)
	if top == nil || top.FSType != mount.FSType || p.Source == nil || p.Source.Validate() != nil {
		return record{}
	}
	return record{Source: *p.Source, StagingPath: staging}
}

// compareWithRequest returns an error if the staged volume is not the requested one. This happens if two PersistentVolumes have
// the same handle: the kubelet stages only the first. A target that is already mounted is accepted, because a pod uses it.
func compareWithRequest(r record, p mount.Publication, target string) error {
	if p.Source == nil || r.Source.Volume == p.Source.Volume && r.Source.Subdir == p.Source.Subdir {
		return nil
	}
	if top, err := mount.Top(target); err != nil && !errors.Is(err, fs.ErrNotExist) || top != nil {
		return err
	}
	return fmt.Errorf("%w: volume %s is staged from %q, and this PersistentVolume is for %q: two PersistentVolumes have one volumeHandle; give each its own",
		mount.ErrConflict, p.VolumeID, r.Source.Path(), p.Source.Path())
}

func (m *Manager) bind(ctx context.Context, r record, p mount.Publication, target string) error {
	top, err := mount.Top(target)
	switch {
	case top != nil:
		if done, err := m.published(ctx, top, r, p); err != nil || done {
			return err
		}
	case err == nil, errors.Is(err, fs.ErrNotExist):
		if err := makeTarget(target); err != nil {
			return err
		}
	default:
		return err
	}
	flags := mount.Flags{ReadOnly: p.ReadOnly, Suid: r.Source.Options.Suid()}
	err = mount.Bind(r.StagingPath, r.Device, target, flags)
	if errors.Is(err, fs.ErrNotExist) && r.root() != "/" {
		if err = m.restageDirectory(ctx, r); err == nil {
			err = mount.Bind(r.StagingPath, r.Device, target, flags)
		}
	}
	if err != nil && top == nil {
		return withCleanup(err, mount.RemoveDir(target))
	}
	return err
}

// published examines a target that is a mount point. It returns true for the requested mount, an error for a mount that conflicts
// with the request, and false for a dead mount, which must be replaced.
func (m *Manager) published(ctx context.Context, top *mountinfo.Info, r record, p mount.Publication) (done bool, err error) {
	if mount.DeviceOf(top) != r.Device {
		return false, m.replaceable(ctx, top, p.VolumeID)
	}
	wanted := p.ReadOnly || r.Source.Options.ReadOnly()
	if mount.IsReadOnly(top) != wanted {
		return false, fmt.Errorf("%w: volume %s is published at %s with readonly=%t, not %t; unpublish it first",
			mount.ErrConflict, p.VolumeID, p.TargetPath, !wanted, wanted)
	}
	return true, nil
}

// makeTarget creates the target directory. An existing directory must be empty, because a mount would hide its content.
func makeTarget(target string) error {
	err := os.Mkdir(target, 0o750)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create the target directory: %w", err)
	}
	if err := isDir(target); err != nil {
		return fmt.Errorf("%w: target path: %w", mount.ErrInvalid, err)
	}
	dir, err := os.Open(target) //nolint:gosec // the path is the orchestrator's
	if err != nil {
		return fmt.Errorf("look into the target directory: %w", err)
	}
	defer dir.Close()
	switch names, err := dir.Readdirnames(1); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("look into the target directory: %w", err)
	default:
		return fmt.Errorf("%w: target path %s is a directory with files in it (%q), which a mount would hide; move them away", mount.ErrInvalid, target, names[0])
	}
}

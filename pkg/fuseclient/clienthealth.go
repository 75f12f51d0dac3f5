package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Health implements mount.Mounter. The state of the bricks comes from the client's .meta; whether files can be used comes from a
// getattr, because the client stays connected to a silent brick until network.ping-timeout (42 s).
func (m *Manager) Health(ctx context.Context, volumeID, path string) (mount.Health, error) {
	if path == "" {
		r, ok := m.record(volumeID)
		if !ok {
			return mount.Health{}, fmt.Errorf("%w: volume %s is not staged", mount.ErrNotMounted, volumeID)
		}
		path = r.StagingPath
	}
	resolved, r, err := m.mounted(ctx, volumeID, path)
	switch {
	case errors.Is(err, errReplaced):
		return mount.Health{Ended: true}, nil
	case err != nil:
		return mount.Health{}, err
	case !r.Process.alive():
		return mount.Health{Ended: true}, nil
	case m.isHung(r.name()):
		return mount.Health{Hung: true}, nil
	}
	health, err := m.readHealth(ctx, r, resolved)
	m.hung.note(ctx, r.name(), err)
	switch {
	case errors.Is(err, mount.ErrTimeout) && ctx.Err() == nil:
		return mount.Health{Hung: true}, nil
	case err != nil:
		klog.FromContext(ctx).V(2).Info("The client does not report its bricks", "volumeID", volumeID, "err", err.Error())
	}
	health.Root = m.rootAnswers(ctx, r, resolved)
	switch {
	case !r.Process.alive(): // meanwhile
		return mount.Health{Ended: true}, nil
	case ctx.Err() != nil: // the caller's deadline has passed, which says nothing about the volume
		return mount.Health{}, fmt.Errorf("%w: %w", mount.ErrTimeout, context.Cause(ctx))
	case errors.Is(health.Root, mount.ErrNotMounted), errors.Is(health.Root, fusequery.ErrNotAsked):
		return mount.Health{}, health.Root
	}
	return health, nil
}

// readHealth reads .meta. It returns ErrTimeout if the client hangs.
func (m *Manager) readHealth(ctx context.Context, r record, path string) (mount.Health, error) {
	dir, err := m.metaDir(ctx, r, path)
	if err != nil {
		return mount.Health{}, err
	}
	return m.asker.ReadMeta(ctx, m.limits.ask, r.name(), dir)
}

// errNoMeta is returned when the client's .meta cannot be opened at the moment.
var errNoMeta = errors.New("the client's .meta cannot be opened")

// metaDir returns the client's .meta. It returns ErrTimeout if the client hangs.
func (m *Manager) metaDir(ctx context.Context, r record, path string) (*os.File, error) {
	dir := m.metas.get(r)
	if dir == nil {
		// Looking up .meta waits for bricks, so a slow lookup does not show that the client hangs.
		if _, err := m.clientEnded(ctx, r.Device, path); err != nil {
			return nil, err
		}
		if dir = m.holdMeta(ctx, r, path); dir == nil {
			return nil, errNoMeta
		}
	}
	return dir, nil
}

// holdMeta opens the client's .meta, keeps it open and returns it. It returns nil if .meta cannot be opened.
func (m *Manager) holdMeta(ctx context.Context, r record, path string) *os.File {
	if dir := m.metas.get(r); dir != nil {
		return dir
	}
	var err error
	if r.root() == "/" {
		err = m.asker.OpenMeta(ctx, m.limits.ask, r.name(), path, metaName(r.Process), r.Device, func(dir *os.File) { m.metas.put(r, dir) })
	} else {
		err = m.openMetaAbove(ctx, r)
	}
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot open the client's .meta", "volumeID", r.Source.VolumeID, "err", err.Error())
	}
	return m.metas.get(r)
}

// rootAnswers sends a getattr for the root directory. The answer needs the bricks, like every use of a file.
func (m *Manager) rootAnswers(ctx context.Context, r record, path string) error {
	dev, err := m.asker.Getattr(ctx, m.limits.ask, r.name(), path)
	switch {
	case errors.Is(err, mount.ErrTimeout):
		return err
	case errors.Is(err, unix.ENOTCONN):
		return fmt.Errorf("%w: %w", mount.ErrUnavailable, err)
	case err != nil:
		return fmt.Errorf("getattr %s: %w", path, err)
	case dev != r.Device:
		return fmt.Errorf("%w: unmounted meanwhile", mount.ErrNotMounted)
	}
	return nil
}

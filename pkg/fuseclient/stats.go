package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	mountutils "k8s.io/mount-utils"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Stats implements mount.Mounter. It does not ask a client that is known to have ended or to hang.
func (m *Manager) Stats(ctx context.Context, volumeID, path string) (mount.Stats, error) {
	resolved, r, err := m.mounted(ctx, volumeID, path)
	switch {
	case errors.Is(err, errReplaced):
		return mount.Stats{}, fmt.Errorf("%w: the client that served %s has ended; publishing the volume again replaces it", mount.ErrUnavailable, path)
	case err != nil:
		return mount.Stats{}, err
	case !r.Process.alive():
		return mount.Stats{}, fmt.Errorf("%w: the client of volume %s has ended", mount.ErrUnavailable, volumeID)
	case m.isHung(r.name()):
		return mount.Stats{}, fmt.Errorf("volume %s does not answer: its client hangs: %w", volumeID, mount.ErrTimeout)
	}
	stats, err := m.asker.Statfs(ctx, m.limits.ask, r.name(), resolved, r.Device)
	if err != nil {
		return mount.Stats{}, statsError(err, r, path)
	}
	return stats, nil
}

// errReplaced is returned when the client that was mounted at the path has ended and the volume has another client.
var errReplaced = errors.New("the client has ended and was replaced")

// The method mounted returns the path without symbolic links, and the record of the volume, which must be mounted there. Its
// errors include ErrNotMounted and errReplaced.
func (m *Manager) mounted(ctx context.Context, volumeID, path string) (resolved string, r record, err error) {
	resolved, err = m.resolve(ctx, path)
	var top *mountinfo.Info
	if err == nil {
		top, err = mount.Top(resolved)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", record{}, err
	}
	r, known := m.record(volumeID)
	if !known && top != nil {
		r, known, _ = m.rebuild(ctx, volumeID, resolved) // not saved, because the path may be a target; the caller notices if the client hangs
	}
	if !known || top == nil {
		return "", record{}, fmt.Errorf("%w: volume %s at %s", mount.ErrNotMounted, volumeID, path)
	}
	if mount.DeviceOf(top) != r.Device {
		if err := m.replaceable(ctx, top, volumeID); err != nil {
			return "", record{}, fmt.Errorf("%w: volume %s at %s: %v", mount.ErrNotMounted, volumeID, path, err) //nolint:errorlint // only one sentinel
		}
		return "", record{}, errReplaced
	}
	return resolved, r, nil
}

func statsError(err error, r record, path string) error {
	switch {
	case errors.Is(err, mount.ErrTimeout):
		return fmt.Errorf("volume %s does not answer: client or bricks hang: %w", r.Source.VolumeID, err)
	case !mountutils.IsCorruptedMnt(err) && !errors.Is(err, unix.ECONNABORTED): // ECONNABORTED: the client died during the call
		return fmt.Errorf("statfs %s: %w", path, err)
	case r.Process.alive():
		return fmt.Errorf("%w: the bricks of volume %s do not answer (%w)", mount.ErrUnavailable, r.Source.VolumeID, err)
	}
	return fmt.Errorf("%w: the client of volume %s has ended (%w)", mount.ErrUnavailable, r.Source.VolumeID, err)
}

package gluster

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// unmountAll unmounts the bricks' file systems, the latest first. It is lazy only where a file system stays busy until the limit:
// the processes that hold it are not this container's to end.
func (m *mounter) unmountAll(ctx context.Context, snapshots string) {
	logger := klog.FromContext(ctx)
	deadline := time.Now().Add(m.limits.unmount)
	points, err := m.bricksMounted(snapshots)
	if err != nil {
		logger.Error(err, "Not unmounted")
		return
	}
	for _, point := range points {
		if err := m.unmount(ctx, point, deadline); err != nil {
			logger.Error(err, "Still busy; unmounting it lazily", "path", point)
			if _, err := within(ctx, time.Second, m.runner, "umount", "--lazy", point); err != nil {
				logger.Error(err, "Not unmounted", "path", point)
			}
		}
	}
}

// unmount tries until the deadline, at least once.
func (m *mounter) unmount(ctx context.Context, point string, deadline time.Time) error {
	for {
		_, err := within(ctx, max(time.Until(deadline), time.Second), m.runner, "umount", point)
		if err == nil || time.Until(deadline) <= 0 {
			return err
		}
		time.Sleep(min(200*time.Millisecond, time.Until(deadline)))
	}
}

// bricksMounted lists the mount points of the table as it is now, and those that glusterd has made for snapshots, the latest first.
func (m *mounter) bricksMounted(snapshots string) ([]string, error) {
	entries, err := readFstab(m.fstab)
	if err != nil && entries == nil {
		return nil, err
	}
	all, err := m.mounted()
	if err != nil {
		return nil, err
	}
	var points []string
	for _, point := range all {
		listed := slices.ContainsFunc(entries, func(e fileSystem) bool { return e.point == point })
		if listed || strings.HasPrefix(point, filepath.Clean(snapshots)+"/") {
			points = append(points, point)
		}
	}
	slices.Reverse(points)
	return points, nil
}

package gluster

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// unmountTick is the pause between two attempts to unmount a busy file system.
const unmountTick = 200 * time.Millisecond

// unmountAll unmounts the bricks' file systems, latest first. A file system that stays busy until the limit is unmounted lazily:
// the processes that use it belong to other containers.
func (m *mounter) unmountAll(ctx context.Context, snapshots string) {
	logger := klog.FromContext(ctx)
	points, err := m.bricksMounted(snapshots)
	if err != nil {
		logger.Error(err, "Cannot list the mount points of the bricks; nothing was unmounted")
		return
	}
	total := len(points)
	deadline := time.Now().Add(m.limits.unmount)
	for {
		points = m.unmount(ctx, points, deadline)
		if len(points) == 0 || !time.Now().Before(deadline) {
			break
		}
		time.Sleep(unmountTick)
	}
	for _, point := range points {
		logger.Info("Still busy; unmounting it lazily", "path", point)
		if err := within(ctx, time.Second, m.runner, "umount", "--lazy", point); err != nil {
			logger.Error(err, "Not unmounted", "path", point)
		}
	}
	logger.Info("Unmounted the bricks' file systems", "unmounted", total-len(points), "lazily", len(points))
}

// unmount tries each mount point once and returns those that remain.
func (m *mounter) unmount(ctx context.Context, points []string, deadline time.Time) (remaining []string) {
	for _, point := range points {
		if err := within(ctx, max(time.Until(deadline), time.Second), m.runner, "umount", point); err != nil {
			klog.FromContext(ctx).V(2).Info("Not unmounted yet", "path", point, "reason", err.Error())
			remaining = append(remaining, point)
		}
	}
	return remaining
}

// bricksMounted returns, latest first, the mount points that Heketi's table lists now, and those that glusterd has made for
// snapshots. Points where nothing is mounted are left out.
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

package kube

import (
	"context"
	"errors"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// kubeletRestarted kills the kubelet of node1 and starts it again.
func kubeletRestarted(times int) func(context.Context, *Rig) error {
	return repeated(times, func(ctx context.Context, r *Rig) error { return killAndStart(ctx, r.cluster.Node(1).Kubelet()) })
}

// containerdRestarted kills the containerd of node1 and starts it again.
func containerdRestarted(times int) func(context.Context, *Rig) error {
	return repeated(times, func(ctx context.Context, r *Rig) error { return killAndStart(ctx, r.cluster.Node(1).Containerd()) })
}

func killAndStart(ctx context.Context, s *lab.Service) error {
	if err := s.Kill(ctx); err != nil {
		return err
	}
	err := s.Start(context.WithoutCancel(ctx))
	// This gives it time to find the running containers before it is killed again.
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	return err
}

// uninstalledAndInstalled removes the chart while pods use volumes. No pod with a volume is created meanwhile: if a driver is
// missing, Kubernetes assumes that its volumes have to be attached.
func uninstalledAndInstalled(ctx context.Context, r *Rig) error {
	_, err := r.driver.Helm(ctx, "uninstall", driver.Release, "--wait")
	if err == nil {
		err = r.Apps().Progress(ctx)
	}
	return errors.Join(err, r.upgrade(context.WithoutCancel(ctx)), r.live(ctx))
}

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

func mountVolume(ctx context.Context, d *demo) error {
	for i, n := range d.nodes {
		d.called(n.Name, "NodeStageVolume staging_target_path=%s", n.staging)
		begin := time.Now()
		if _, err := n.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{
			VolumeId: d.volume.GetVolumeId(), VolumeContext: d.volume.GetVolumeContext(),
			StagingTargetPath: n.staging, VolumeCapability: shared(),
		}); err != nil {
			return err
		}
		staged := time.Since(begin)
		d.called(n.Name, "NodePublishVolume target_path=%s", n.target)
		begin = time.Now()
		if _, err := n.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
			VolumeId: d.volume.GetVolumeId(), VolumeContext: d.volume.GetVolumeContext(),
			StagingTargetPath: n.staging, TargetPath: n.target, VolumeCapability: shared(),
		}); err != nil {
			return err
		}
		published := time.Since(begin)
		if i == 0 {
			d.figures.staged = staged + published
		}
		source, err := d.mountedFrom(ctx, n)
		if err != nil {
			return err
		}
		d.answer("staged in %s, published in %s; the kernel: %s, type fuse.glusterfs", round(staged), round(published), source)
	}
	return nil
}

// mountedFrom returns the source of the mount at the node's target from the kernel's mount table: the first server in the
// client's list, and the volume.
func (d *demo) mountedFrom(ctx context.Context, n *node) (string, error) {
	mounts, err := glusterMounts(ctx, n.Machine)
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if m.Mountpoint == n.target {
			if !strings.HasSuffix(m.Source, ":/"+d.glusterName()) {
				return "", fmt.Errorf("%s is mounted at %s of %s, not %s", m.Source, n.target, n.Name, d.glusterName())
			}
			return m.Source, nil
		}
	}
	return "", fmt.Errorf("nothing is mounted at %s of %s", n.target, n.Name)
}

func unmountVolume(ctx context.Context, d *demo) error {
	d.stopServer()
	d.stopServer = func() {}
	for _, n := range d.nodes {
		d.called(n.Name, "NodeUnpublishVolume target_path=%s", n.target)
		begin := time.Now()
		if _, err := n.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{
			VolumeId: d.volume.GetVolumeId(), TargetPath: n.target,
		}); err != nil {
			return err
		}
		unpublished := time.Since(begin)
		d.called(n.Name, "NodeUnstageVolume staging_target_path=%s", n.staging)
		begin = time.Now()
		if _, err := n.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{
			VolumeId: d.volume.GetVolumeId(), StagingTargetPath: n.staging,
		}); err != nil {
			return err
		}
		unstaged := time.Since(begin)
		// The client ends a few milliseconds after its last mount.
		if err := eventually(ctx, 10*time.Second, func() error { return noClient(ctx, n) }); err != nil {
			return err
		}
		d.answer("unpublished in %s, unstaged in %s; no mount and no client process is left", round(unpublished), round(unstaged))
	}
	return nil
}

// noClient checks that the node has no GlusterFS mounts and client processes.
func noClient(ctx context.Context, n *node) error {
	mounts, err := glusterMounts(ctx, n.Machine)
	if err != nil {
		return err
	}
	clients, err := outside.Clients(ctx, n.Machine, "")
	if err != nil {
		return err
	}
	if len(mounts) > 0 || len(clients) > 0 {
		return fmt.Errorf("on %s: %w: %d mounts, processes %v", n.Name, errLeft, len(mounts), clients)
	}
	return nil
}

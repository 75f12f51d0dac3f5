package glusterlab

import (
	"context"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// gapTime is how long a change of a graph may have consequences: the kernel drops what is mounted inside a volume when it looks up an
// entry whose time is over, which is a second, and the node plugin mounts it again.
const gapTime = 3 * time.Second

// volumesExpanded makes the volumes of all pods larger, as the kubelet and the external resizer do.
func volumesExpanded(ctx context.Context, c *rig) error {
	for _, v := range c.used {
		if err := c.expand(ctx, v); err != nil {
			return err
		}
	}
	sleep(ctx, gapTime)
	return c.startable(ctx)
}

func (c *rig) expand(ctx context.Context, v *volume) error {
	wanted := &csi.CapacityRange{RequiredBytes: v.GetCapacityBytes() + 1<<30}
	err := patiently(ctx, "expand "+v.name, func(ctx context.Context) error {
		answer, err := c.controller.ControllerExpandVolume(ctx, &csi.ControllerExpandVolumeRequest{
			VolumeId: v.GetVolumeId(), CapacityRange: wanted, VolumeCapability: capability(),
		})
		if err == nil {
			v.CapacityBytes = answer.GetCapacityBytes()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range c.pods {
		if p.volume != v {
			continue
		}
		err := patiently(ctx, "expand "+v.name+" on the node", func(ctx context.Context) error {
			answer, err := c.node.NodeExpandVolume(ctx, &csi.NodeExpandVolumeRequest{
				VolumeId: v.GetVolumeId(), VolumePath: c.target(v, p.name), StagingTargetPath: v.staging, CapacityRange: wanted, VolumeCapability: capability(),
			})
			// The bricks' file systems take a part of it.
			if size := answer.GetCapacityBytes(); err == nil && size < v.GetCapacityBytes()/4*3 {
				err = fmt.Errorf("the mount of pod %s has %d bytes, the volume %d", p.name, size, v.GetCapacityBytes())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// optionsSet changes an option of the volumes of all pods, and changes it back. It is none that names depend on: with performance.nl-cache
// GlusterFS does not find some that are renamed.
func optionsSet(ctx context.Context, c *rig) error {
	for _, value := range []string{"off", "on"} {
		for _, v := range c.used {
			if _, err := outside.Gluster(ctx, c.lab.Storage(2), "volume", "set", v.gluster(), "performance.quick-read", value); err != nil {
				return err
			}
		}
		sleep(ctx, gapTime)
		if err := c.startable(ctx); err != nil {
			return err
		}
	}
	return nil
}

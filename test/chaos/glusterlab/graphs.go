package glusterlab

import (
	"context"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// gapTime is how long a graph change may have consequences. Directory entries in the kernel expire after a second. At the next
// lookup of an entry, the kernel then drops a mount inside a volume, and the node plugin mounts it again.
const gapTime = 3 * time.Second

// volumesExpanded expands the volumes of all pods, as the kubelet and the external resizer do.
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
			// The bricks' file systems use a part of the size.
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

// optionsSet changes an option of all pods' volumes, and changes it back. It does not use an option that affects names: with
// performance.nl-cache, GlusterFS does not find some renamed files.
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

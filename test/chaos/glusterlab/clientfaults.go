package glusterlab

import (
	"context"
	"errors"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/hung"
)

// Hang makes the client of the volume that no pod uses hang until wake is called.
func (c *rig) Hang(ctx context.Context) (wake func(error) error, err error) {
	return hung.Hang(ctx, c.lab, c.lab.Node(1), c.hung.gluster(), func(ctx context.Context) { c.stats(ctx, c.hung) })
}

// stats requests a volume's size and ignores the answer.
func (c *rig) stats(ctx context.Context, v *volume) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = c.node.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{
		VolumeId: v.GetVolumeId(), VolumePath: v.staging, StagingTargetPath: v.staging,
	})
}

// clientKilled kills the client of a published volume. The next calls start a new client, whose mounts go beneath the dead ones
// or on top of them.
func clientKilled(ctx context.Context, c *rig) error {
	v := c.spare
	err := c.stage(ctx, v)
	if err == nil {
		err = c.publish(ctx, v, "life")
	}
	if err == nil {
		err = hung.Signal(ctx, c.lab.Node(1), v.gluster(), "KILL")
	}
	if err == nil {
		err = c.plugin().Kill(ctx)
	}
	if err == nil {
		err = c.plugin().Start(ctx)
	}
	if err == nil {
		err = c.stage(ctx, v)
	}
	if err == nil {
		err = c.publish(ctx, v, "life")
	}
	if err == nil {
		err = c.use(ctx, c.target(v, "life"))
	}
	return errors.Join(err, c.unpublish(ctx, v, "life"), c.unstage(ctx, v))
}

package main

import (
	"context"
	"errors"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// hang stops the client of the volume that no pod uses, and lets callers ask for it, as the kubelet does, until wake.
func (c *chaos) hang(ctx context.Context) (wake func(error) error, err error) {
	if err := c.signal(ctx, c.hung, "STOP"); err != nil {
		return func(err error) error { return err }, err
	}
	asking, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for asking.Err() == nil {
			limited, cancel := context.WithTimeout(asking, time.Second)
			_, _ = c.node.NodeGetVolumeStats(limited, &csi.NodeGetVolumeStatsRequest{
				VolumeId: c.hung.GetVolumeId(), VolumePath: c.hung.staging, StagingTargetPath: c.hung.staging,
			}) // which cannot succeed
			cancel()
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return func(err error) error {
		stop()
		<-ended
		return errors.Join(err, c.signal(context.WithoutCancel(ctx), c.hung, "CONT"))
	}, nil
}

// signal sends a signal to the clients of a volume.
func (c *chaos) signal(ctx context.Context, v *volume, signal string) error {
	clients, err := outside.Clients(ctx, c.lab.Node(1), v.gluster())
	if err == nil && len(clients) == 0 {
		err = errors.New("volume " + v.name + " has no client")
	}
	for _, client := range clients {
		_, killErr := c.lab.Node(1).Output(ctx, "kill", "-s", signal, client.PID)
		err = errors.Join(err, killErr)
	}
	return err
}

// clientKilled kills the client of a volume that is published. The next calls put a new one in its place, beneath the dead mounts
// or on top of them.
func clientKilled(ctx context.Context, c *chaos) error {
	v := c.spare
	err := c.stage(ctx, v)
	if err == nil {
		err = c.publish(ctx, v, "life")
	}
	if err == nil {
		err = c.signal(ctx, v, "KILL")
	}
	if err == nil {
		err = c.lab.NodePlugin(1).Kill(ctx)
	}
	if err == nil {
		err = c.lab.NodePlugin(1).Start(ctx)
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

package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// hang makes the client of the volume that no pod uses hang until wake. Its bricks are stopped first, so that it has read a request,
// which cannot be interrupted from then on, when it is stopped itself. Callers go on to ask for the volume, as the kubelet does.
func (c *chaos) hang(ctx context.Context) (wake func(error) error, err error) {
	awake := context.WithoutCancel(ctx)
	if err := c.signalBricks(ctx, c.hung, syscall.SIGSTOP); err != nil {
		return func(err error) error { return errors.Join(err, c.signalBricks(awake, c.hung, syscall.SIGCONT)) }, err
	}
	asking, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for asking.Err() == nil {
			c.stats(asking, c.hung)
			sleep(asking, 100*time.Millisecond)
		}
	}()
	wake = func(err error) error {
		stop()
		<-ended
		return errors.Join(err, c.signal(awake, c.hung, "CONT"), c.signalBricks(awake, c.hung, syscall.SIGCONT))
	}
	sleep(ctx, 500*time.Millisecond) // for the first request
	return wake, c.signal(ctx, c.hung, "STOP")
}

// stats asks for a volume's size, whatever the answer.
func (c *chaos) stats(ctx context.Context, v *volume) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = c.node.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{
		VolumeId: v.GetVolumeId(), VolumePath: v.staging, StagingTargetPath: v.staging,
	})
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

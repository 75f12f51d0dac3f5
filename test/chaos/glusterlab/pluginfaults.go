package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
)

// endLimit is the time within which the plugin's processes must be gone after SIGKILL: a container can be restarted only then.
const endLimit = 10 * time.Second

// kills repeatedly kills the node plugin with SIGKILL, while calls are in flight.
func kills(times int) func(context.Context, *rig) error {
	return repeatedly(times, func(ctx context.Context, c *rig) error {
		plugin := c.plugin()
		begin := time.Now()
		if err := plugin.Kill(ctx); err != nil {
			return err
		}
		if took := time.Since(begin); took > endLimit {
			return fmt.Errorf("the node plugin ended %s after SIGKILL, want %s at most", took.Round(time.Millisecond), endLimit)
		}
		return plugin.Start(ctx)
	})
}

// restarts repeatedly ends the node plugin with SIGTERM and starts it again, while calls are in flight.
func restarts(times int) func(context.Context, *rig) error {
	return repeatedly(times, func(ctx context.Context, c *rig) error { return c.restart(ctx) })
}

// repeatedly does something to the node plugin while the spare volume is used in one life after the other.
func repeatedly(times int, do func(context.Context, *rig) error) func(context.Context, *rig) error {
	again := func(ctx context.Context, c *rig) error {
		var err error
		for i := 0; i < times && err == nil && ctx.Err() == nil; i++ {
			// Each time, the life is at a different moment.
			time.Sleep(time.Duration(i*37%200) * time.Millisecond)
			err = do(ctx, c)
		}
		if err != nil && !c.plugin().Running(ctx) {
			err = errors.Join(err, c.plugin().Start(ctx))
		}
		return err
	}
	return rounds.WhileLiving(again, func(ctx context.Context, c *rig) error { return c.life(ctx, c.spare) })
}

func heketiDown(ctx context.Context, c *rig) error {
	if err := c.lab.Heketi().Kill(ctx); err != nil {
		return err
	}
	err := c.life(ctx, c.spare)
	if err == nil {
		err = c.restart(ctx)
	}
	if err == nil {
		err = c.life(ctx, c.spare)
	}
	return errors.Join(err, c.lab.Heketi().Start(context.WithoutCancel(ctx)))
}

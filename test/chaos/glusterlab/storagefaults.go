package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// sleep waits, or returns when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// unplugged is longer than pingTimeout.
const unplugged = 13 * time.Second

func storageUnplugged(ctx context.Context, c *rig) error {
	return unplug(ctx, c.lab.Storage(2), unplugged)
}

// nodeUnplugged is shorter than pingTimeout, so that the clients notice only silence.
func nodeUnplugged(ctx context.Context, c *rig) error {
	return unplug(ctx, c.lab.Node(1), 5*time.Second)
}

func unplug(ctx context.Context, m *lab.Machine, d time.Duration) error {
	if err := m.Unplug(ctx); err != nil {
		return err
	}
	sleep(ctx, d)
	return m.Plug(context.WithoutCancel(ctx))
}

func storagePowerCut(ctx context.Context, c *rig) error {
	if err := c.lab.Storage(3).PowerCut(ctx); err != nil {
		return err
	}
	err := c.life(ctx, c.spare)
	sleep(ctx, 5*time.Second)
	return errors.Join(err, c.lab.Storage(3).Start(context.WithoutCancel(ctx)))
}

// everyBrick returns the options with which the rounds that stop bricks run. With them, a client acknowledges a write only when
// all bricks with a copy have it. By default, two of three bricks suffice: the client notes on these two that the third one is
// behind, but only after it has acknowledged the write. If all bricks end before that, GlusterFS has no record of which brick is
// behind, and may use an outdated one (docs/mounts.md). The driver has no part in this. With these options, a lost record is a
// fault in these rounds, too.
//
// cluster.eager-lock off alone only shortens the time between the acknowledgement and the note from a second to that of one
// request: 1 of 331,416 records was still lost.
func everyBrick() [][2]string {
	return [][2]string{{"cluster.eager-lock", "off"}, {"cluster.quorum-count", "3"}, {"cluster.quorum-type", "fixed"}}
}

// bricksStopped stops the volumes of all pods, which ends their bricks one after the other, and starts them again. While only
// some of the brick sets of a volume are up, names are not found, and the kernel drops mounts there.
func bricksStopped(ctx context.Context, c *rig) error {
	for _, o := range everyBrick() {
		if err := c.onUsed(ctx, "set", o[0], o[1]); err != nil {
			return err
		}
	}
	sleep(ctx, gapTime) // until the clients notice
	err := c.onUsed(ctx, "stop", "force")
	sleep(ctx, 5*time.Second)
	return errors.Join(err, c.onUsed(context.WithoutCancel(ctx), "start", "force"))
}

// healedAfterStop calls healed, and then resets the options.
func healedAfterStop(ctx context.Context, c *rig) error {
	err := healed(ctx, c)
	for _, o := range everyBrick() {
		err = errors.Join(err, c.onUsed(context.WithoutCancel(ctx), "reset", o[0]))
	}
	return err
}

// onUsed runs a gluster command on the volumes of all pods. It continues after an error.
func (c *rig) onUsed(ctx context.Context, command string, args ...string) error {
	errs := make([]error, 0, len(c.used))
	for _, v := range c.used {
		_, err := outside.Gluster(ctx, c.lab.Storage(2), append([]string{"volume", command, v.gluster()}, args...)...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// healed waits until gluster has nothing left to heal. If the next round began earlier, it might take away the only brick that
// has a record. Unless told to, gluster looks for files to heal only every ten minutes. Files that are being written are listed
// occasionally.
func healed(ctx context.Context, c *rig) error {
	const limit = 5 * time.Minute
	deadline := time.Now().Add(limit)
	for _, v := range c.used {
		for {
			out, err := outside.Gluster(ctx, c.lab.Storage(2), "volume", "heal", v.gluster(), "info", "summary")
			// An expanded volume has more bricks than there are storage nodes.
			bricks := max(lab.StorageNodes, strings.Count(out, "Brick "))
			if err == nil && strings.Count(out, "Status: Connected") == bricks && strings.Count(out, "Total Number of entries: 0") == bricks {
				break
			}
			if err == nil {
				_, err = outside.Gluster(ctx, c.lab.Storage(2), "volume", "heal", v.gluster())
			}
			if time.Now().After(deadline) || ctx.Err() != nil {
				return errors.Join(fmt.Errorf("volume %s is not healed within %s:\n%s", v.name, limit, out), err)
			}
			sleep(ctx, 2*time.Second)
		}
	}
	return nil
}

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

// nodeUnplugged is shorter than pingTimeout: the clients notice nothing but silence.
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

// bricksStopped stops the volumes of all pods, which ends their bricks, and starts them again.
func bricksStopped(ctx context.Context, c *rig) error {
	for _, v := range c.used {
		if _, err := outside.Gluster(ctx, c.lab.Storage(2), "volume", "stop", v.gluster(), "force"); err != nil {
			return err
		}
	}
	sleep(ctx, 5*time.Second)
	var errs []error
	for _, v := range c.used {
		_, err := outside.Gluster(context.WithoutCancel(ctx), c.lab.Storage(2), "volume", "start", v.gluster(), "force")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// healed waits until gluster has nothing left to heal: a brick taken away earlier might be the only one with a record. Gluster looks
// for what is to be healed every ten minutes, unless it is told to. Files that are being written are listed now and then.
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

package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/hung"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/memory"
)

// with does something while the node plugin runs with one more flag.
func (c *rig) with(ctx context.Context, flag string, do func() error) error {
	err := c.plugin().Stop(ctx)
	if err == nil {
		err = c.plugin().WithArgs(flag).Start(ctx)
	}
	if err == nil {
		err = do()
	}
	return errors.Join(err, c.restart(context.WithoutCancel(ctx)))
}

// clientStopped stops the client of a volume that pods use, and waits until the node plugin kills the client. The plugin has its
// default limit of two minutes, and checks at least every half minute.
func clientStopped(ctx context.Context, c *rig) error {
	const limit = 2 * time.Minute
	v := c.used[0]
	return c.with(ctx, "--hung-client-limit="+limit.String(), func() error {
		before, err := c.clientProcesses(ctx, v)
		if err == nil {
			err = hung.Signal(ctx, c.machine(), v.gluster(), "STOP")
		}
		if err == nil {
			err = c.replaced(ctx, v, before, limit+time.Minute)
		}
		if err != nil {
			return errors.Join(err, hung.Signal(context.WithoutCancel(ctx), c.machine(), v.gluster(), "CONT"))
		}
		return errors.Join(c.Apps().Progress(ctx), c.startable(ctx))
	})
}

// replaced waits until none of the processes is a client of the volume any more.
func (c *rig) replaced(ctx context.Context, v *volume, former map[int]bool, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; sleep(ctx, 100*time.Millisecond) {
		now, err := c.clientProcesses(ctx, v)
		if err != nil {
			return err
		}
		left := 0
		for pid := range now {
			if former[pid] {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("the client of volume %s has not ended within %s", v.name, limit)
		}
	}
}

// clientOutOfMemory makes the client of a volume that pods use reach the limit of its cgroup, which the node plugin has set. The
// limit is lowered to the client's present usage, because the amount of work that makes a client reach a useful limit depends on
// its version.
func clientOutOfMemory(ctx context.Context, c *rig) error {
	const limit = 512 << 20
	v := c.used[0]
	return c.with(ctx, fmt.Sprintf("--client-memory-limit=%d", limit), func() error {
		err := c.killClients(ctx, v) // the next client has the limit
		if err == nil {
			err = c.Apps().Progress(ctx)
		}
		if err != nil {
			return err
		}
		sleep(ctx, noticeTime)
		clients, err := c.clientProcesses(ctx, v)
		if err != nil {
			return err
		}
		for pid := range clients {
			if err := squeeze(pid, limit); err != nil {
				return err
			}
		}
		err = c.flooded(ctx, v, clients)
		return errors.Join(err, c.Apps().Progress(ctx), c.startable(ctx))
	})
}

// squeeze checks that a process has a limit, and lowers it to little more than its usage.
func squeeze(pid, limit int) error {
	const room = 128 << 10
	group, err := memory.Of(pid)
	if err != nil {
		return err
	}
	if has, err := group.Limit(); err != nil || has != limit {
		return errors.Join(fmt.Errorf("client %d may use %d bytes, want %d", pid, has, limit), err)
	}
	return group.SetRoom(room)
}

// flooded writes to a volume until its client has ended, and removes what was written.
func (c *rig) flooded(ctx context.Context, v *volume, client map[int]bool) error {
	const script = `for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of="$1/flood-$i" bs=1M count=16 status=none & done; wait`
	target := ""
	for _, p := range c.pods {
		if p.volume == v {
			target = c.target(v, p.name)
		}
	}
	const limit = time.Minute
	flooding, stop := context.WithTimeout(ctx, limit)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		err := c.replaced(ctx, v, client, limit)
		stop()
		ended <- err
	}()
	for flooding.Err() == nil {
		_, _ = c.machine().Output(flooding, "sh", "-c", script, "sh", target) // fails when the client ends
	}
	err := <-ended
	return errors.Join(err, patiently(ctx, "remove what was written", func(ctx context.Context) error {
		_, err := c.machine().Output(ctx, "sh", "-c", `rm -f "$1"/flood-*`, "sh", target)
		return err
	}))
}

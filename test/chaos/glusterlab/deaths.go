package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// noticeTime is how long the node plugin may take to see a container's mounts and their clients: it can restore only what it has
// seen.
const noticeTime = time.Second

// killClients kills the clients of volumes, all at once.
func (c *rig) killClients(ctx context.Context, volumes ...*volume) error {
	args := []string{"-s", "KILL"}
	for _, v := range volumes {
		clients, err := outside.Clients(ctx, c.machine(), v.gluster())
		if err == nil && len(clients) == 0 {
			err = fmt.Errorf("volume %s has no client", v.name)
		}
		if err != nil {
			return err
		}
		for _, client := range clients {
			args = append(args, client.PID)
		}
	}
	_, err := c.machine().Output(ctx, "kill", args...)
	return err
}

// clientsKilled repeatedly kills the client of a volume that pods use, one volume after the other.
func clientsKilled(times int) func(context.Context, *rig) error {
	return eachTime(times, func(ctx context.Context, c *rig, v *volume) error { return c.killClients(ctx, v) })
}

// killedDuringHeals kills a client, and then twice the client that replaces the killed one: as soon as it runs, or some
// milliseconds later, while it mounts or takes over.
func killedDuringHeals(times int) func(context.Context, *rig) error {
	turn := 0
	return eachTime(times, func(ctx context.Context, c *rig, v *volume) error {
		former, err := c.clientProcesses(ctx, v)
		if err == nil {
			err = c.killClients(ctx, v)
		}
		for i := 0; i < 2 && err == nil; i++ {
			former, err = c.killNext(ctx, v, former, time.Duration(turn*7%60)*time.Millisecond)
			turn++
		}
		return err
	})
}

// eachTime repeatedly does something to the client of a volume that pods use, and checks each time that the pods continue.
func eachTime(times int, do func(context.Context, *rig, *volume) error) func(context.Context, *rig) error {
	return func(ctx context.Context, c *rig) error {
		for i := range times {
			// Each death comes at a different moment of the workloads' turns.
			sleep(ctx, noticeTime+time.Duration(i*37%400)*time.Millisecond)
			err := do(ctx, c, c.used[i%len(c.used)])
			if err == nil {
				err = c.Apps().Progress(ctx)
			}
			if err != nil {
				return fmt.Errorf("time %d of %d: %w", i+1, times, err)
			}
		}
		return c.startable(ctx)
	}
}

// killNext waits for a client that is not in former, kills it after the given time, and returns former with the killed client
// added.
func (c *rig) killNext(ctx context.Context, v *volume, former map[int]bool, after time.Duration) (map[int]bool, error) {
	const limit = 30 * time.Second
	for deadline := time.Now().Add(limit); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		now, err := c.clientProcesses(ctx, v)
		if err != nil {
			return former, err
		}
		killed := false
		for pid := range now {
			if former[pid] {
				continue
			}
			sleep(ctx, after)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return former, err
			}
			former[pid], killed = true, true
		}
		if killed {
			return former, nil
		}
	}
	return former, fmt.Errorf("volume %s has no other client within %s", v.name, limit)
}

// clientProcesses returns the host's process IDs of a volume's clients. Reading /proc is much faster than running a program on
// the machine.
func (c *rig) clientProcesses(ctx context.Context, v *volume) (map[int]bool, error) {
	found, err := c.machine().Processes(ctx, "glusterfs")
	if err != nil {
		return nil, err
	}
	pids := map[int]bool{}
	for _, text := range found {
		args, _ := os.ReadFile(filepath.Join("/proc", text, "cmdline")) // the process may have ended
		if !strings.Contains(string(args), "\x00--volfile-id=/"+v.gluster()+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		pids[pid] = true
	}
	return pids, nil
}

// killedWhilePluginDown kills the clients of all pods while no node plugin runs. The next plugin repairs the mounts that it
// finds.
func killedWhilePluginDown(ctx context.Context, c *rig) error {
	err := c.plugin().Kill(ctx)
	if err == nil {
		err = c.killClients(ctx, c.used...)
		sleep(ctx, 2*time.Second)
	}
	return errors.Join(err, c.plugin().Start(context.WithoutCancel(ctx)), c.startable(ctx))
}

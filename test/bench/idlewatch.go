package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// watchSettled is how long the node plugin needs to find all containers: it looks for new ones every half minute, and looks at
// each twice.
const watchSettled = 75 * time.Second

// idleWatch observes the node plugin while it watches a hundred healthy volumes, each used by a container. As in stageMany, the
// volumes are directories of one gluster volume.
func idleWatch(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("watch"))
	if err != nil {
		return nil, err
	}
	volumes, err := b.directories(ctx, v, stagedVolumes)
	if err != nil {
		return nil, err
	}
	if _, err := b.stageAll(ctx, volumes); err != nil {
		return nil, err
	}
	containers, err := b.containers(ctx, len(volumes))
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, watchSettled); err != nil {
		return nil, err
	}
	pid, err := b.lab.NodePlugin(1).Pid(ctx)
	if err != nil {
		return nil, err
	}
	next := windows(func() (float64, error) {
		// The plugin looks for containers only after a process has started, which happens all the time on a real node.
		if err := shell(ctx, b.lab.Node(1), "true"); err != nil {
			return 0, err
		}
		return cpuWithChildren(pid)
	})
	ours := func(ctx context.Context) ([]float64, error) {
		used, err := next(ctx)
		return []float64{used}, err
	}
	s, err := alternate(ctx, b.runs(10), ours, fixed(cpuBaseline))
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		err = errors.Join(err, c.end())
	}
	if err := errors.Join(err, b.unstageAll(ctx, volumes)); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("node plugin and its children without the clients, in %s with %d healthy volumes and as many containers; a window begins "+
		"every %s; the kernel counts the time of children that have ended in steps of 0.01 s", idleWindow, stagedVolumes, idleStep)
	return []row{newRow("idle-watch", "s", "0.06 s (0.1 %)", s[0], atMost(1), note)}, b.remove(ctx, v)
}

// containers starts one container for each volume that stageAll has published.
func (b *bench) containers(ctx context.Context, n int) ([]*container, error) {
	places, err := b.places("ours", n)
	if err != nil {
		return nil, err
	}
	containers := make([]*container, n)
	// The containers get ctx, because the function each cancels its own context when it returns.
	return containers, each(ctx, n, func(_ context.Context, i int) (err error) {
		containers[i], err = b.container(ctx, "ours"+strconv.Itoa(i), places[i].target, "/data")
		return err
	})
}

// cpuWithChildren returns the CPU seconds of a process and of its children, including those that have ended. GlusterFS clients,
// which are also its children, are left out.
func cpuWithChildren(pid int) (float64, error) {
	own, err := cpuSeconds([]int{pid})
	if err != nil {
		return 0, err
	}
	ended, err := cpuOfEnded(pid)
	if err != nil {
		return 0, err
	}
	children, err := childrenOf(pid)
	if err != nil {
		return 0, err
	}
	sum := own + ended
	for _, child := range children {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
		if err != nil || strings.HasPrefix(string(name), "gluster") {
			continue // a client, or a child that has just ended
		}
		if used, err := cpuSeconds([]int{child}); err == nil {
			sum += used
		}
	}
	return sum, nil
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid int) (children []int, err error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if errors.Is(err, os.ErrNotExist) { // the thread has ended
			continue
		}
		if err != nil {
			return nil, err
		}
		for field := range strings.FieldsSeq(string(data)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}

// cpuOfEnded returns the CPU seconds of the children that a process has reaped.
func cpuOfEnded(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return endedSeconds(string(data))
}

// endedSeconds adds cutime and cstime from a line of /proc/PID/stat, see proc_pid_stat(5).
func endedSeconds(stat string) (float64, error) {
	const cutime, cstime, ticks = 16, 17, 100 // the kernel's USER_HZ
	// The third field follows the name, which may contain anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < cstime-2 {
		return 0, fmt.Errorf("not a line of /proc/PID/stat: %q", stat)
	}
	sum := 0.0
	for _, number := range []int{cutime, cstime} {
		value, err := strconv.ParseFloat(fields[number-3], 64)
		if err != nil {
			return 0, err
		}
		sum += value / ticks
	}
	return sum, nil
}

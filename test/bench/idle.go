package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
)

const (
	idleVolumes = 10
	idleWindow  = time.Minute
	// A window begins every quarter of a minute, so that ten windows take three and a quarter minutes instead of ten.
	idleStep = idleWindow / 4
)

const (
	mib          = 1 << 20
	rssBaseline  = 25   // MiB
	cpuBaseline  = 0.06 // seconds in a minute: 0.1 % of one core
	sizeBaseline = 20   // MiB
)

func binarySize(ctx context.Context, b *bench) ([]row, error) {
	ours := func(context.Context) ([]float64, error) {
		info, err := os.Stat(b.driver)
		if err != nil {
			return nil, err
		}
		return []float64{float64(info.Size()) / mib}, nil
	}
	s, err := alternate(ctx, b.runs(10), ours, fixed(sizeBaseline))
	if err != nil {
		return nil, err
	}
	return []row{newRow("binary-size", "MiB", "20 MiB", s[0], atMost(1), "")}, nil
}

// idle mounts ten volumes, and then measures the two processes while they get no calls.
func idle(ctx context.Context, b *bench) ([]row, error) {
	remove, err := b.mountMany(ctx)
	if err != nil {
		return nil, err
	}
	controller, err := b.lab.Controller().Pid(ctx)
	if err != nil {
		return nil, err
	}
	node, err := b.lab.NodePlugin(1).Pid(ctx)
	if err != nil {
		return nil, err
	}
	processes := []int{controller, node}
	next := windows(func() (float64, error) { return cpuSeconds(processes) })
	look := func(ctx context.Context) ([]float64, error) {
		cpu, err := next(ctx)
		if err != nil {
			return nil, err
		}
		memory, err := resident(processes)
		if err != nil {
			return nil, err
		}
		return []float64{slices.Max(memory), cpu}, nil
	}
	s, err := alternate(ctx, b.runs(10), look, fixed(rssBaseline, cpuBaseline))
	if err != nil {
		return nil, err
	}
	memory, err := resident(processes)
	if err != nil {
		return nil, err
	}
	rss := fmt.Sprintf("VmRSS of the larger process; at the end controller %.1f and node %.1f MiB, together %.1f with the pages of the binary counted twice",
		memory[0], memory[1], memory[0]+memory[1])
	cpu := fmt.Sprintf("controller and node added up, in %s with %d volumes mounted; a window begins every %s", idleWindow, idleVolumes, idleStep)
	return []row{
		newRow("rss-idle", "MiB", "25 MiB", s[0], atMost(1), rss),
		newRow("cpu-idle", "s", "0.06 s (0.1 %)", s[1], atMost(1), cpu),
	}, remove(ctx)
}

// windows returns a function that waits for the end of the next window, and returns the growth of a figure in that window.
func windows(figure func() (float64, error)) func(context.Context) (float64, error) {
	var ends []float64 // the figure at the beginning of the current window, and at the end of each of its steps so far
	return func(ctx context.Context) (float64, error) {
		for len(ends) <= int(idleWindow/idleStep) {
			if len(ends) > 0 {
				if err := sleep(ctx, idleStep); err != nil {
					return 0, err
				}
			}
			now, err := figure()
			if err != nil {
				return 0, err
			}
			ends = append(ends, now)
		}
		grown := ends[len(ends)-1] - ends[0]
		ends = ends[1:]
		return grown, nil
	}
}

// mountMany creates, stages and publishes the volumes; remove undoes it.
func (b *bench) mountMany(ctx context.Context) (remove func(context.Context) error, err error) {
	volumes, places := make([]*csi.Volume, idleVolumes), make([]place, idleVolumes)
	for i := range volumes {
		if volumes[i], err = b.create(ctx, b.name("idle")); err != nil {
			return nil, err
		}
		if places[i], err = b.place("idle" + strconv.Itoa(i)); err != nil {
			return nil, err
		}
		if err := b.stage(ctx, volumes[i], places[i]); err != nil {
			return nil, err
		}
		if err := b.publish(ctx, volumes[i], places[i]); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		for i := range volumes {
			if err := b.unpublish(ctx, volumes[i], places[i]); err != nil {
				return err
			}
			if err := b.unstage(ctx, volumes[i], places[i]); err != nil {
				return err
			}
			if err := b.remove(ctx, volumes[i]); err != nil {
				return err
			}
		}
		return b.quiet(ctx)
	}, nil
}

// cpuSeconds returns the CPU time that the processes have used, including all threads that have ended, to the nanosecond: the
// ticks of /proc/PID/stat would be too coarse. The clock's number is made as in clock_getcpuclockid(3).
func cpuSeconds(processes []int) (float64, error) {
	const clockSched = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	sum := 0.0
	for _, pid := range processes {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|clockSched), &t); err != nil {
			return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
		}
		sum += float64(t.Nano()) / 1e9
	}
	return sum, nil
}

// resident returns VmRSS of each process in MiB.
func resident(processes []int) ([]float64, error) {
	memory := make([]float64, len(processes))
	for i, pid := range processes {
		var err error
		if memory[i], err = memoryOf(pid, "VmRSS"); err != nil {
			return nil, err
		}
	}
	return memory, nil
}

// memoryOf returns a field of /proc/PID/status in MiB.
func memoryOf(pid int, field string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return memoryIn(string(status), field)
}

// memoryIn is like memoryOf, with the file's content.
func memoryIn(status, field string) (float64, error) {
	for line := range strings.Lines(status) {
		if text, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in the status of a process: %q", field, status)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

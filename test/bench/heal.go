package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

const (
	healBaseline = 0.1 // seconds
	busyBaseline = 2.0
	healLimit    = 30 * time.Second
	// retryPause is how long an application waits after an error: without a pause, it would take a core from the repair.
	retryPause = 200 * time.Microsecond
)

// heal kills the client of a volume that a container uses. The figure is the time until a write in the container works again, on
// a quiet node and on a busy one.
func heal(ctx context.Context, b *bench) ([]row, error) {
	return b.withContainer(ctx, "heal", nil, func(ctx context.Context, v *csi.Volume, c *container) ([]row, error) {
		ours := func(ctx context.Context) ([]float64, error) {
			clients, err := outside.Clients(ctx, b.lab.Node(1), v.GetVolumeContext()["volume"])
			if err != nil {
				return nil, err
			}
			if len(clients) != 1 {
				return nil, fmt.Errorf("the volume has %d clients, want 1: %v", len(clients), clients)
			}
			answer, err := c.run(ctx, "outlive", clients[0].PID, "/data/file")
			if err != nil {
				return nil, err
			}
			return []float64{answer.Seconds}, sleep(ctx, noticed)
		}
		quiet, err := alternate(ctx, b.runs(20), ours, fixed(healBaseline))
		if err != nil {
			return nil, err
		}
		bare, err := b.bareMount(ctx, v)
		if err != nil {
			return nil, err
		}
		rest, err := b.burden(ctx)
		if err != nil {
			return nil, err
		}
		busy, err := alternate(ctx, b.runs(10), ours, fixed(busyBaseline))
		rest()
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("from kill -9 of the client until a write by path in a container that had the volume works, tried every %s; "+
			"mount -t glusterfs of the volume alone, on the same machine: %s s", retryPause, bare)
		busyNote := fmt.Sprintf("the same beside %d processes that only count, on %d cores", burdenOf(), runtime.NumCPU())
		return []row{
			newRow("heal", "s", "0.1 s", quiet[0], atMost(1), note),
			newRow("heal-under-load", "s", "2 s", busy[0], atMost(1), busyNote),
		}, nil
	})
}

// burdenOf returns the number of processes that burden starts.
func burdenOf() int { return 4 * runtime.NumCPU() }

// burden starts processes that use as much CPU as they can get; rest ends them.
func (b *bench) burden(ctx context.Context) (rest func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var busy sync.WaitGroup
	rest = func() { cancel(); busy.Wait() }
	for range burdenOf() {
		cmd := b.lab.Node(1).Command(ctx, "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			rest()
			return nil, err
		}
		busy.Go(func() { _ = cmd.Wait() }) // returns an error, because the process is killed
	}
	return rest, nil
}

// bareMount measures the start of a client by mount(8), beside the running one.
func (b *bench) bareMount(ctx context.Context, v *csi.Volume) (spread, error) {
	p, err := b.place("heal-bare")
	if err != nil {
		return spread{}, err
	}
	var figures []float64
	for range b.runs(5) {
		mounted, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, p.staging))
		if err != nil {
			return spread{}, err
		}
		if _, err := timed(ctx, b.lab.Node(1), 1, []string{"umount", p.staging}); err != nil {
			return spread{}, err
		}
		figures = append(figures, mounted.Seconds)
	}
	return spreadOf(figures), nil
}

// outlive kills a volume's client. It returns the seconds until another client handles a write to a file of the volume.
func outlive(pid, path string) (float64, error) {
	process, err := strconv.Atoi(pid)
	if err != nil {
		return 0, err
	}
	former, err := writeOnce(path)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
		return 0, fmt.Errorf("kill client %d: %w", process, err)
	}
	for {
		// Until all threads have received the signal, the old client may still answer.
		device, err := writeOnce(path)
		if err == nil && device != former {
			return clock(begin), nil
		}
		if time.Since(begin) > healLimit {
			return 0, fmt.Errorf("no write through another client within %s: %w", healLimit, err)
		}
		time.Sleep(retryPause)
	}
}

// writeOnce writes a file, and returns the file's device.
func writeOnce(path string) (device uint64, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteString("alive"); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("no device")
	}
	return stat.Dev, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	pauseWindow = 5 * time.Second
	kills       = 5 // of the node plugin in one window
)

// pluginRestart runs a workload on an open file, in turns while the node plugin is killed and restarted, and while it is left
// alone. The figure is the longest duration of one write with its read.
func pluginRestart(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("restart"))
	if err != nil {
		return nil, err
	}
	p, err := b.place("restart")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.stage(ctx, v, p), b.publish(ctx, v, p)); err != nil {
		return nil, err
	}
	pause := func(ctx context.Context) (float64, error) {
		answer, err := onMachine(ctx, b.lab.Node(1), "pause", strconv.FormatInt(pauseWindow.Milliseconds(), 10), filepath.Join(p.target, "held"))
		return answer.Seconds, err
	}
	ours := func(ctx context.Context) ([]float64, error) {
		killed := make(chan error, 1)
		go func() { killed <- b.killNodePlugin(ctx) }()
		longest, err := pause(ctx)
		return []float64{longest}, errors.Join(err, <-killed)
	}
	s, err := alternate(ctx, b.runs(10), ours, func(ctx context.Context) ([]float64, error) {
		longest, err := pause(ctx)
		return []float64{longest}, err
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.unpublish(ctx, v, p), b.unstage(ctx, v, p)); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("longest write and read of 4 KiB in %s, with %d times kill -9 and start", pauseWindow, kills)
	return []row{newRow("plugin-restart", "s", "the same without restarts", s[0], noGoal(), note)}, b.remove(ctx, v)
}

func (b *bench) killNodePlugin(ctx context.Context) error {
	for range kills {
		if err := sleep(ctx, pauseWindow/(kills+1)/2); err != nil {
			return err
		}
		plugin := b.lab.NodePlugin(1)
		if err := errors.Join(plugin.Kill(ctx), plugin.Start(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// longestPause writes and reads through one descriptor for a while, and returns the duration of the longest write with its read,
// in seconds.
func longestPause(milliseconds, path string) (float64, error) {
	limit, err := strconv.Atoi(milliseconds)
	if err != nil {
		return 0, err
	}
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var longest time.Duration
	data := make([]byte, 4096)
	for end := time.Now().Add(time.Duration(limit) * time.Millisecond); time.Now().Before(end); {
		begin := time.Now()
		if _, err := file.WriteAt(data, 0); err != nil {
			return 0, err
		}
		if _, err := file.ReadAt(data, 0); err != nil {
			return 0, err
		}
		longest = max(longest, time.Since(begin))
	}
	return longest.Seconds(), nil
}

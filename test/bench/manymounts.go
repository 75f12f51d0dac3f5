package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
)

const (
	stagedVolumes  = 100
	stagedAtOnce   = 8
	memoryBaseline = 0.3 // MiB of the node plugin for each volume
	publications   = 50
)

// stageMany mounts a hundred volumes on one node, a few at a time, and measures the node plugin's memory. They are directories of
// one gluster volume, each with a client, because the bricks of a hundred volumes would not fit here.
func stageMany(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("many"))
	if err != nil {
		return nil, err
	}
	volumes, err := b.directories(ctx, v, stagedVolumes)
	if err != nil {
		return nil, err
	}
	pid, err := b.lab.NodePlugin(1).Pid(ctx)
	if err != nil {
		return nil, err
	}
	var memory samples
	ours := func(ctx context.Context) ([]float64, error) {
		before, err := memoryOf(pid, "VmRSS")
		if err != nil {
			return nil, err
		}
		seconds, err := b.stageAll(ctx, volumes)
		if err != nil {
			return nil, err
		}
		after, err := memoryOf(pid, "VmRSS")
		if err != nil {
			return nil, err
		}
		memory.add((after-before)/stagedVolumes, memoryBaseline)
		return []float64{seconds}, b.unstageAll(ctx, volumes)
	}
	s, err := alternate(ctx, b.runs(3), ours, func(ctx context.Context) ([]float64, error) { return b.mountAll(ctx, v, volumes) })
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%d volumes, %d at a time", stagedVolumes, stagedAtOnce)
	return []row{
		newRow("stage-100", "s", "mount -t glusterfs, mount --bind", s[0], atMost(1), note),
		newRow("stage-100-memory", "MiB", "0.3 MiB", memory, atMost(1), "growth of the node plugin's VmRSS for each volume"),
	}, b.remove(ctx, v)
}

// directories makes n directories in a volume, and returns a static volume for each.
func (b *bench) directories(ctx context.Context, v *csi.Volume, n int) ([]*csi.Volume, error) {
	p, err := b.place("directories")
	if err != nil {
		return nil, err
	}
	if _, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, p.staging)); err != nil {
		return nil, err
	}
	volumes := make([]*csi.Volume, n)
	commands := make([][]string, n)
	for i := range volumes {
		name := strconv.Itoa(i)
		commands[i] = []string{"mkdir", filepath.Join(p.staging, name)}
		volumes[i] = &csi.Volume{VolumeId: v.GetVolumeId() + "-" + name, VolumeContext: map[string]string{
			"servers": v.GetVolumeContext()["servers"], "volume": v.GetVolumeContext()["volume"] + "/" + name,
		}}
	}
	if _, err := timed(ctx, b.lab.Node(1), 1, commands...); err != nil {
		return nil, err
	}
	_, err = timed(ctx, b.lab.Node(1), 1, []string{"umount", p.staging})
	return volumes, err
}

func (b *bench) stageAll(ctx context.Context, volumes []*csi.Volume) (seconds float64, err error) {
	places, err := b.places("ours", len(volumes))
	if err != nil {
		return 0, err
	}
	return clocked(func() error {
		return each(ctx, len(volumes), func(ctx context.Context, i int) error {
			if err := b.stage(ctx, volumes[i], places[i]); err != nil {
				return err
			}
			return b.publish(ctx, volumes[i], places[i])
		})
	})
}

func (b *bench) unstageAll(ctx context.Context, volumes []*csi.Volume) error {
	places, err := b.places("ours", len(volumes))
	if err != nil {
		return err
	}
	err = each(ctx, len(volumes), func(ctx context.Context, i int) error {
		if err := b.unpublish(ctx, volumes[i], places[i]); err != nil {
			return err
		}
		return b.unstage(ctx, volumes[i], places[i])
	})
	if err != nil {
		return err
	}
	return b.quiet(ctx)
}

// mountAll does the same with an administrator's commands.
func (b *bench) mountAll(ctx context.Context, v *csi.Volume, volumes []*csi.Volume) ([]float64, error) {
	places, err := b.places("baseline", len(volumes))
	if err != nil {
		return nil, err
	}
	up, down := make([][]string, len(volumes)), make([][]string, len(volumes))
	for i, p := range places {
		if err := os.MkdirAll(p.target, 0o755); err != nil {
			return nil, err
		}
		mount := b.mountCommand(v, p.staging)
		mount[len(mount)-2] += "/" + strconv.Itoa(i)
		up[i] = []string{"sh", "-c", strings.Join(mount, " ") + " && mount --bind " + p.staging + " " + p.target}
		down[i] = []string{"sh", "-c", "umount " + p.target + " && umount " + p.staging}
	}
	mounted, err := timed(ctx, b.lab.Node(1), stagedAtOnce, up...)
	if err != nil {
		return nil, err
	}
	if _, err := timed(ctx, b.lab.Node(1), stagedAtOnce, down...); err != nil {
		return nil, err
	}
	return []float64{mounted.Seconds}, b.quiet(ctx)
}

func (b *bench) places(prefix string, n int) ([]place, error) {
	places := make([]place, n)
	for i := range places {
		var err error
		if places[i], err = b.place(prefix + strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// each calls do with 0 to n-1, a few at a time.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(stagedAtOnce)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// publishMany publishes one volume for many pods, which share one client.
func publishMany(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("publish"))
	if err != nil {
		return nil, err
	}
	mine, err := b.place("publish")
	if err != nil {
		return nil, err
	}
	if err := b.stage(ctx, v, mine); err != nil {
		return nil, err
	}
	before, err := b.lab.Node(1).Processes(ctx, "glusterfs")
	if err != nil {
		return nil, err
	}
	targets := make([]place, publications)
	for i := range targets {
		targets[i] = place{mine.staging, fmt.Sprintf("%s-%d", mine.target, i)}
	}
	ours := func(ctx context.Context) ([]float64, error) {
		seconds, err := clocked(func() error {
			for _, p := range targets {
				if err := b.publish(ctx, v, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		clients, err := b.lab.Node(1).Processes(ctx, "glusterfs")
		if err != nil {
			return nil, err
		}
		if !slices.Equal(clients, before) {
			return nil, fmt.Errorf("%d pods have the clients %v, and the first of them %v", publications, clients, before)
		}
		for _, p := range targets {
			if err := b.unpublish(ctx, v, p); err != nil {
				return nil, err
			}
		}
		return []float64{seconds}, nil
	}
	s, err := alternate(ctx, b.runs(10), ours, func(ctx context.Context) ([]float64, error) { return b.bindMany(ctx, targets) })
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%d publishes of one volume, which has one client", publications)
	if err := b.unstage(ctx, v, mine); err != nil {
		return nil, err
	}
	return []row{newRow("publish-many", "s", "mount --bind", s[0], atMost(1), note)}, b.remove(ctx, v)
}

func (b *bench) bindMany(ctx context.Context, targets []place) ([]float64, error) {
	up, down := make([][]string, len(targets)), make([][]string, len(targets))
	for i, p := range targets {
		if err := os.MkdirAll(p.target, 0o755); err != nil {
			return nil, err
		}
		up[i], down[i] = []string{"mount", "--bind", p.staging, p.target}, []string{"umount", p.target}
	}
	bound, err := timed(ctx, b.lab.Node(1), 1, up...)
	if err != nil {
		return nil, err
	}
	if _, err = timed(ctx, b.lab.Node(1), 1, down...); err != nil {
		return nil, err
	}
	for _, p := range targets {
		if err := os.Remove(p.target); err != nil {
			return nil, err
		}
	}
	return []float64{bound.Seconds}, nil
}

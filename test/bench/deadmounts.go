package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

const (
	deadVolumes = 20
	hungVolumes = 20
	// The figure is the 99th percentile of this many calls of each kind.
	rpcCalls, stageCalls = 500, 200
)

// rpcWithDeadMounts measures calls for a healthy volume while the clients of other volumes are dead or hang, and while there are
// no other volumes. Meanwhile the node plugin repairs nothing. All volumes are directories of one gluster volume, each with a
// client.
func rpcWithDeadMounts(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("dead"))
	if err != nil {
		return nil, err
	}
	volumes, err := b.directories(ctx, v, deadVolumes+hungVolumes+1)
	if err != nil {
		return nil, err
	}
	healthy, others := volumes[0], volumes[1:]
	p, err := b.place("healthy")
	if err != nil {
		return nil, err
	}
	plugin := b.lab.NodePlugin(1)
	if err := errors.Join(plugin.Stop(ctx), plugin.WithArgs("--heal-mounts=false").Start(ctx)); err != nil {
		return nil, err
	}
	alone := func(ctx context.Context) ([]float64, error) {
		figures, err := b.callTimes(ctx, healthy, p)
		if err != nil {
			return nil, err
		}
		return figures, b.quiet(ctx)
	}
	ours := func(ctx context.Context) ([]float64, error) {
		if _, err := b.stageAll(ctx, others); err != nil {
			return nil, err
		}
		if err := b.spoil(ctx, others); err != nil {
			return nil, err
		}
		figures, err := b.callTimes(ctx, healthy, p)
		if err != nil {
			return nil, err
		}
		return figures, b.unstageAll(ctx, others)
	}
	s, err := alternate(ctx, b.runs(5), ours, alone)
	if err != nil {
		return nil, err
	}
	if err := plugin.Restart(ctx); err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(s))
	staging, published := b.measuredCalls(healthy, p)
	for i, call := range append(staging, published...) {
		note := ""
		if i == 0 {
			note = fmt.Sprintf("each of these rows is the 99th percentile of %d calls for a healthy volume (stage and unstage: %d), beside %d volumes "+
				"with a dead client and %d with one that is stopped; node plugin with --heal-mounts=false", rpcCalls, stageCalls, deadVolumes, hungVolumes)
		}
		rows = append(rows, newRow("rpc-with-dead-mounts-"+call.name, "s", "the same without them", s[i], atMost(1.5), note))
	}
	return rows, b.remove(ctx, v)
}

// spoil kills some of the clients of the given volumes, and stops the others. Node 1 must have no other clients. Then it requests
// the statistics of each volume once, as the kubelet does, so that a request waits for each stopped client.
func (b *bench) spoil(ctx context.Context, volumes []*csi.Volume) error {
	node := b.lab.Node(1)
	clients, err := outside.Clients(ctx, node, "")
	if err != nil {
		return err
	}
	if len(clients) != len(volumes) {
		return fmt.Errorf("%d volumes have %d clients", len(volumes), len(clients))
	}
	pids := make([]string, len(clients))
	for i, c := range clients {
		pids[i] = c.PID
	}
	for _, kind := range []struct {
		signal string
		pids   []string
	}{{"KILL", pids[:deadVolumes]}, {"STOP", pids[deadVolumes:]}} {
		if _, err := node.Output(ctx, "kill", append([]string{"-s", kind.signal}, kind.pids...)...); err != nil {
			return err
		}
	}
	if err := sleep(ctx, noticed); err != nil {
		return err
	}
	places, err := b.places("ours", len(volumes)) // the places of stageAll
	if err != nil {
		return err
	}
	return each(ctx, len(volumes), func(ctx context.Context, i int) error {
		if err := b.stats(ctx, volumes[i], places[i]); err == nil {
			return fmt.Errorf("volume %s has statistics, although its client is dead or stopped", volumes[i].GetVolumeId())
		}
		return ctx.Err()
	})
}

func (b *bench) stats(ctx context.Context, v *csi.Volume, p place) error {
	_, err := b.node.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: p.target})
	return err
}

// measuredCall is a call to the node plugin.
type measuredCall struct {
	name string
	do   func(context.Context) error
}

// measuredCalls returns the calls for a volume at p. The calls in staging stage and unstage the volume; those in published need a
// published volume.
func (b *bench) measuredCalls(v *csi.Volume, p place) (staging, published []measuredCall) {
	another := place{p.staging, p.target + "-another"}
	return []measuredCall{
			{"stage", func(ctx context.Context) error { return b.stage(ctx, v, p) }},
			{"unstage", func(ctx context.Context) error { return b.unstage(ctx, v, p) }},
		}, []measuredCall{
			{"stats", func(ctx context.Context) error { return b.stats(ctx, v, p) }},
			{"publish", func(ctx context.Context) error { return b.publish(ctx, v, another) }},
			{"unpublish", func(ctx context.Context) error { return b.unpublish(ctx, v, another) }},
			{"capabilities", func(ctx context.Context) error {
				_, err := b.node.NodeGetCapabilities(ctx, &csi.NodeGetCapabilitiesRequest{})
				return err
			}},
		}
}

// callTimes returns the 99th percentile of each kind of call for a volume. The volume must not be staged before the call, and is
// not staged after it.
func (b *bench) callTimes(ctx context.Context, v *csi.Volume, p place) ([]float64, error) {
	staging, published := b.measuredCalls(v, p)
	figures, err := highTimes(ctx, stageCalls, staging)
	if err != nil {
		return nil, err
	}
	if err := b.stage(ctx, v, p); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, v, p); err != nil {
		return nil, err
	}
	more, err := highTimes(ctx, rpcCalls, published)
	if err != nil {
		return nil, err
	}
	if err := b.unpublish(ctx, v, p); err != nil {
		return nil, err
	}
	return append(figures, more...), b.unstage(ctx, v, p)
}

// highTimes makes the calls in turns, n times each, and returns the 99th percentile of each.
func highTimes(ctx context.Context, n int, calls []measuredCall) ([]float64, error) {
	times := make([][]float64, len(calls))
	for range n {
		for i, call := range calls {
			took, err := clocked(func() error { return call.do(ctx) })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", call.name, err)
			}
			times[i] = append(times[i], took)
		}
	}
	figures := make([]float64, len(calls))
	for i := range figures {
		figures[i] = percentile(times[i], 99)
	}
	return figures, nil
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
)

const atOnce = 16 // number of creates in create-parallel

// createDelete measures the creation and deletion of volumes.
func createDelete(ctx context.Context, b *bench) ([]row, error) {
	ours := func(ctx context.Context) ([]float64, error) {
		begin := time.Now()
		v, err := b.create(ctx, b.name("bench"))
		created := clock(begin)
		if err != nil {
			return nil, err
		}
		begin = time.Now()
		err = b.remove(ctx, v)
		return []float64{created, clock(begin)}, err
	}
	cli := b.heketiCLI()
	baseline := func(ctx context.Context) ([]float64, error) {
		created, ids, err := cli.create(ctx, b.name("cli"))
		if err != nil {
			return nil, err
		}
		deleted, err := cli.remove(ctx, ids)
		return []float64{created, deleted}, err
	}
	s, err := b.besideAnother(ctx, b.runs(10), ours, baseline)
	if err != nil {
		return nil, err
	}
	return []row{
		newRow("create", "s", "heketi-cli volume create", s[0], atMost(0.95), ""),
		newRow("delete", "s", "heketi-cli volume delete", s[1], atMost(0.95), ""),
	}, nil
}

// createParallel measures the time until the last of many creates has ended.
func createParallel(ctx context.Context, b *bench) ([]row, error) {
	ours, baseline := b.manyAtOnce(b.heketiCLI(), atOnce)
	s, err := b.besideAnother(ctx, b.runs(3), ours, baseline)
	if err != nil {
		return nil, err
	}
	return []row{newRow("create-parallel", "s", cliInTurns(atOnce), s[0], atMost(1), "")}, nil
}

// cliInTurns returns the name of manyAtOnce's baseline.
func cliInTurns(n int) string { return fmt.Sprintf("%d heketi-cli, %d at a time", n, cliJobs) }

// manyAtOnce creates n volumes, with n concurrent callers of the driver, and with as many heketi-cli processes as Heketi admits.
// The deletes are not measured.
func (b *bench) manyAtOnce(cli heketiCLI, n int) (ours, baseline side) {
	ours = func(ctx context.Context) ([]float64, error) {
		volumes, names := make([]*csi.Volume, n), b.namesOf("bench", n)
		group, calls := errgroup.WithContext(ctx)
		begin := time.Now()
		for i := range volumes {
			group.Go(func() (err error) {
				volumes[i], err = b.create(calls, names[i])
				return err
			})
		}
		err := group.Wait()
		took := clock(begin)
		if err != nil {
			return nil, err
		}
		group, calls = errgroup.WithContext(ctx)
		for _, v := range volumes {
			group.Go(func() error { return b.remove(calls, v) })
		}
		return []float64{took}, group.Wait()
	}
	baseline = func(ctx context.Context) ([]float64, error) {
		took, ids, err := cli.create(ctx, b.namesOf("cli", n)...)
		if err != nil {
			return nil, err
		}
		_, err = cli.remove(ctx, ids)
		return []float64{took}, err
	}
	return ours, baseline
}

// besideAnother alternates while another volume exists, as in any cluster in use: GlusterFS starts its self-heal daemons with the
// first volume and stops them with the last, which takes one to two seconds.
func (b *bench) besideAnother(ctx context.Context, n int, ours, baseline side) ([]samples, error) {
	v, err := b.create(ctx, b.name("stays"))
	if err != nil {
		return nil, err
	}
	s, err := alternate(ctx, n, ours, baseline)
	if err != nil {
		return nil, err
	}
	return s, b.remove(ctx, v)
}

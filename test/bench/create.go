package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const (
	atOnce  = 16 // creates of create-parallel
	cliJobs = 8  // of heketi-cli at a time: Heketi refuses more
)

// createDelete measures whole lives of volumes.
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
	cli := func(ctx context.Context) ([]float64, error) {
		created, ids, err := b.cliCreate(ctx, 1)
		if err != nil {
			return nil, err
		}
		deleted, err := b.cliDelete(ctx, ids)
		return []float64{created, deleted}, err
	}
	s, err := b.besideAnother(ctx, b.runs(10), ours, cli)
	if err != nil {
		return nil, err
	}
	return []row{
		newRow("create", "s", "heketi-cli volume create", s[0], atMost(0.95), ""),
		newRow("delete", "s", "heketi-cli volume delete", s[1], atMost(0.95), ""),
	}, nil
}

// createParallel measures until the last of many creates has ended. The deletes are not measured.
func createParallel(ctx context.Context, b *bench) ([]row, error) {
	ours := func(ctx context.Context) ([]float64, error) {
		volumes := make([]*csi.Volume, atOnce)
		group, calls := errgroup.WithContext(ctx)
		begin := time.Now()
		for i := range volumes {
			name := b.name("bench")
			group.Go(func() (err error) {
				volumes[i], err = b.create(calls, name)
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
	cli := func(ctx context.Context) ([]float64, error) {
		took, ids, err := b.cliCreate(ctx, atOnce)
		if err != nil {
			return nil, err
		}
		_, err = b.cliDelete(ctx, ids)
		return []float64{took}, err
	}
	s, err := b.besideAnother(ctx, b.runs(3), ours, cli)
	if err != nil {
		return nil, err
	}
	against := fmt.Sprintf("%d heketi-cli, %d at a time", atOnce, cliJobs)
	return []row{newRow("create-parallel", "s", against, s[0], atMost(1), "")}, nil
}

// besideAnother alternates while there is a volume that stays, as in any cluster that is in use: GlusterFS starts its
// self-heal daemons with the first volume and stops them with the last, which takes one to two seconds.
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

// cliCreate makes volumes like those of bench.create with heketi-cli, and returns their Heketi ids.
func (b *bench) cliCreate(ctx context.Context, n int) (seconds float64, ids []string, err error) {
	commands := make([][]string, n)
	for i := range commands {
		commands[i] = []string{b.lab.Heketi().CLIPath, "volume", "create", "--size=1", "--durability=replicate", "--replica=3", "--name=" + b.name("cli"), "--json"}
	}
	answer, err := timed(ctx, b.lab.Hub(), cliJobs, b.cliEnv(), commands...)
	if err != nil {
		return 0, nil, err
	}
	for _, text := range answer.Outputs {
		var made struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
			return 0, nil, fmt.Errorf("heketi-cli says %q: %w", text, err)
		}
		ids = append(ids, made.ID)
	}
	return answer.Seconds, ids, nil
}

func (b *bench) cliDelete(ctx context.Context, ids []string) (seconds float64, err error) {
	commands := make([][]string, len(ids))
	for i, id := range ids {
		commands[i] = []string{b.lab.Heketi().CLIPath, "volume", "delete", id}
	}
	answer, err := timed(ctx, b.lab.Hub(), cliJobs, b.cliEnv(), commands...)
	return answer.Seconds, err
}

func (b *bench) cliEnv() []string {
	return []string{"HEKETI_CLI_SERVER=" + b.lab.Heketi().URL, "HEKETI_CLI_USER=" + lab.HeketiUser, "HEKETI_CLI_KEY=" + lab.HeketiKey}
}

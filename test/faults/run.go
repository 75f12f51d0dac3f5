package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Config configures Run.
type Config struct {
	Driver  string   // path of glusterfs-csi
	Dir     string   // for the files of the processes; the caller removes it
	Seeds   []uint64 // of the schedules
	Workers int      // how many schedules run at a time, at least 2: some need one cluster, others two
	Log     io.Writer
}

// ScheduleError is returned for a schedule that has found an error.
type ScheduleError struct {
	Seed       uint64
	Violations []string
	Trace      string
}

// Error implements error.
func (f *ScheduleError) Error() string {
	return fmt.Sprintf("seed %d: %s", f.Seed, strings.Join(f.Violations, "\n\t"))
}

// Run runs schedules until all are done, or until one has found an error, which Run returns as a *ScheduleError. It leaves no
// process running, even if ctx ends or this process is killed.
func Run(ctx context.Context, config Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	empty, err := startEmptyHeketi(ctx, filepath.Join(config.Dir, "empty"))
	if err != nil {
		return err
	}
	stranger, err := lab.StartMockHeketi(ctx, filepath.Join(config.Dir, "stranger"))
	if err != nil {
		return errors.Join(err, empty.Stop())
	}
	others := map[string]string{Amnesia: empty.URL, Stranger: stranger.URL}
	queues := map[int]chan uint64{}
	for _, clusters := range []int{1, 2} {
		queues[clusters] = make(chan uint64, len(config.Seeds))
	}
	for _, seed := range config.Seeds {
		queues[Clusters(seed)] <- seed
	}
	var log sync.Mutex
	var group errgroup.Group
	for i := range max(config.Workers, 2) {
		clusters := 1 + i%2
		group.Go(func() error {
			w := worker{config: config, dir: filepath.Join(config.Dir, fmt.Sprintf("rig-%d", i+1)), clusters: clusters, others: others, log: &log}
			err := w.work(ctx, queues[clusters])
			if err != nil {
				cancel(err)
			}
			return err
		})
	}
	for _, queue := range queues {
		close(queue)
	}
	_ = group.Wait()
	err = context.Cause(ctx)
	return errors.Join(err, empty.Stop(), stranger.Stop())
}

type worker struct {
	config   Config
	dir      string
	clusters int
	others   map[string]string // see rig
	log      *sync.Mutex
}

func (w worker) work(ctx context.Context, seeds <-chan uint64) (err error) {
	seed, ok := <-seeds
	if !ok {
		return nil
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return err
	}
	r, err := startRig(ctx, w.config.Driver, w.dir, w.clusters, w.others)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	for ; ok; seed, ok = <-seeds {
		from := r.driver.size()
		violations, trace, err := r.run(ctx, NewPlan(seed, r.verbs))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case len(violations) > 0:
			return &ScheduleError{
				Seed: seed, Violations: violations,
				Trace: fmt.Sprintf("%s\nThe driver's log:\n%s", trace, tail(r.driver.log, from, 100)),
			}
		case err != nil:
			return fmt.Errorf("seed %d: the test itself failed: %w\n%s", seed, err, trace)
		}
		w.say("seed %d: %d calls", seed, trace.calls())
	}
	if found := r.idle(ctx); len(found) > 0 && ctx.Err() == nil {
		return &ScheduleError{Seed: seed, Violations: found}
	}
	return nil
}

func (w worker) say(format string, args ...any) {
	w.log.Lock()
	defer w.log.Unlock()
	fmt.Fprintf(w.config.Log, format+"\n", args...)
}

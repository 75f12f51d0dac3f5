package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// interval is the time between two statuses.
const interval = 250 * time.Millisecond

// work lets all workers use a directory until ctx ends, and then checks all records through new descriptors.
func work(ctx context.Context, dir string, out io.Writer) error {
	var all []*turns
	for _, k := range kinds() {
		w, err := k.open(dir)
		if err != nil {
			return fmt.Errorf("begin with %s: %w", k.name, err)
		}
		all = append(all, &turns{worker: w, count: tally.Worker{Name: k.name, Holds: k.holds}})
	}
	var running sync.WaitGroup
	for _, t := range all {
		running.Go(func() { t.run(ctx) })
	}
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	report := json.NewEncoder(out)
	for {
		select {
		case <-ticker.C:
			if err := report.Encode(statusOf(all)); err != nil {
				return err
			}
		case <-ended:
			last := statusOf(all)
			var errs []error
			for _, t := range all {
				errs = append(errs, t.close())
			}
			return errors.Join(append(errs, report.Encode(verify(dir, last)))...)
		}
	}
}

func statusOf(all []*turns) tally.Status {
	status := tally.Status{Time: time.Now()}
	for _, t := range all {
		status.Workers = append(status.Workers, t.status())
	}
	return status
}

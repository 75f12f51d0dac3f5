package apps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// All holds the workloads of a run.
type All []*App

// Rest resets the longest pauses and the outages.
func (all All) Rest() {
	for _, a := range all {
		a.rest()
	}
}

// Sum adds up the counts of all workloads.
func (all All) Sum() tally.Sum {
	var status tally.Status
	for _, a := range all {
		status.Workers = append(status.Workers, a.last().Workers...)
	}
	return status.Sum()
}

// Said returns the errors of all workers since a time.
func (all All) Said(since time.Time) []string {
	var lines []string
	for _, a := range all {
		for _, w := range a.last().Workers {
			for _, line := range w.Said {
				if line >= since.Format("15:04:05") {
					lines = append(lines, fmt.Sprintf("%s, %s: %s", a.Name, w.Name, line))
				}
			}
		}
	}
	return lines
}

// errStuck is returned if a workload makes no progress.
var errStuck = errors.New("makes no progress")

// Progress waits until every worker has completed a write and a read that began after the call.
func (all All) Progress(ctx context.Context) error {
	const limit = 90 * time.Second
	deadline := time.Now().Add(limit)
	var errs []error
	before := make([]tally.Status, len(all))
	for i, a := range all {
		before[i] = a.last()
	}
	for i, a := range all {
		for {
			behind := a.behind(before[i])
			if behind == "" {
				break
			}
			if !a.Running() || time.Now().After(deadline) || ctx.Err() != nil {
				errs = append(errs, fmt.Errorf("pod %s, %s: %w", a.Name, behind, errStuck))
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return errors.Join(errs...)
}

// behind names the workers that have not done at least two writes and two reads since a status: the first write and the first
// read may have begun earlier.
func (a *App) behind(before tally.Status) string {
	now := a.last()
	if len(now.Workers) == 0 {
		return "all workers"
	}
	var names []string
	for i, w := range now.Workers {
		var old tally.Worker
		if i < len(before.Workers) {
			old = before.Workers[i]
		}
		if w.Writes < old.Writes+2 || w.Reads < old.Reads+2 {
			names = append(names, fmt.Sprintf("%s (%v)", w.Name, w.Said))
		}
	}
	return strings.Join(names, ", ")
}

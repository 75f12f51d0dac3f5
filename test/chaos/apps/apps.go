// Package apps follows running workloads. It reads the counts that each workload writes (package tally), keeps the newest, and
// checks that all workloads continue.
package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// App is a workload, as its statuses describe it.
type App struct {
	Name string

	ended  chan struct{}
	mu     sync.Mutex
	status tally.Status
	err    error // why it ended
}

// Follow reads the statuses of a workload until there are no more, and then calls why, which returns the error with which the
// workload has ended.
func Follow(name string, statuses io.Reader, why func() error) *App {
	a := &App{Name: name, ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		for lines := json.NewDecoder(statuses); ; {
			var status tally.Status
			if err := lines.Decode(&status); err != nil {
				break
			}
			a.keep(status)
		}
		err := why()
		a.mu.Lock()
		a.err = err
		a.mu.Unlock()
	}()
	return a
}

// keep records a status, with the longest pause and all outages since the last call of rest.
func (a *App) keep(status tally.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, old := range a.status.Workers {
		now := &status.Workers[i]
		now.PauseMilliseconds = max(now.PauseMilliseconds, old.PauseMilliseconds)
		now.OutagesMilliseconds = slices.Concat(old.OutagesMilliseconds, now.OutagesMilliseconds)
	}
	a.status = status
}

// rest resets the longest pauses and the outages.
func (a *App) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.status.Workers {
		a.status.Workers[i].PauseMilliseconds, a.status.Workers[i].OutagesMilliseconds = 0, nil
	}
}

func (a *App) last() tally.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

// Ended returns a channel that is closed when there are no more statuses.
func (a *App) Ended() <-chan struct{} { return a.ended }

// Running reports whether more statuses may follow.
func (a *App) Running() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// Finish waits for the end of a workload that was told to end, and returns its last status. Before it ends, the workload counts
// its records.
func (a *App) Finish(ctx context.Context) (tally.Status, error) {
	const limit = 20 * time.Minute
	select {
	case <-a.ended:
	case <-ctx.Done():
		return a.last(), ctx.Err()
	case <-time.After(limit):
		return a.last(), fmt.Errorf("workload %s does not end within %s of SIGTERM", a.Name, limit)
	}
	status := a.last()
	if !status.Done {
		return status, fmt.Errorf("workload %s has ended without counting its records: %w", a.Name, errors.Join(errUncounted, a.err))
	}
	return status, a.err
}

var errUncounted = errors.New("its last status is not Done")

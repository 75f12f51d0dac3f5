package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// pod runs the workload on a published volume.
type pod struct {
	name        string
	volume      *volume
	propagation string // of its mount: "rslave" or "private"

	cmd   *exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	status tally.Status
	err    error // why it ended
}

// start publishes the volume to a pod and starts the workload there.
func (c *chaos) start(ctx context.Context, p *pod) error {
	if err := c.publish(ctx, p.volume, p.name); err != nil {
		return err
	}
	// Not the caller's context, which would kill it: the pod ends by SIGTERM, and with the lab at the latest.
	p.cmd = c.lab.Node(1).Command(context.WithoutCancel(ctx), c.workload, "pod", c.target(p.volume, p.name), p.propagation, p.name)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.lab.LogDir(), p.name+".log"))
	if err != nil {
		return err
	}
	p.cmd.Stderr = log
	if err := errors.Join(p.cmd.Start(), log.Close()); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		for lines := json.NewDecoder(out); ; {
			var status tally.Status
			if err := lines.Decode(&status); err != nil {
				break
			}
			p.keep(status)
		}
		err := p.cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
	}()
	return nil
}

// keep remembers a status, with the longest pause since the last call of rest.
func (p *pod) keep(status tally.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, old := range p.status.Workers {
		status.Workers[i].PauseMilliseconds = max(status.Workers[i].PauseMilliseconds, old.PauseMilliseconds)
	}
	p.status = status
}

// rest forgets the longest pauses.
func (p *pod) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.status.Workers {
		p.status.Workers[i].PauseMilliseconds = 0
	}
}

func (p *pod) last() tally.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *pod) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// finish ends the workload, which then counts its records, and returns its last status.
func (p *pod) finish(ctx context.Context) (tally.Status, error) {
	if err := lab.Signal(p.cmd, syscall.SIGTERM); err != nil {
		return p.last(), err
	}
	const limit = 3 * time.Minute
	select {
	case <-p.ended:
	case <-ctx.Done():
		return p.last(), ctx.Err()
	case <-time.After(limit):
		return p.last(), fmt.Errorf("pod %s does not end within %s of SIGTERM", p.name, limit)
	}
	status := p.last()
	if !status.Done {
		return status, fmt.Errorf("pod %s has ended without counting its records: %w", p.name, p.err)
	}
	return status, p.err
}

func (p *pod) kill() error {
	if !p.running() {
		return nil
	}
	err := lab.Signal(p.cmd, syscall.SIGKILL)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second): // a request that cannot be interrupted ends with the lab
	}
	return err
}

// errStuck is returned when a pod does not go on.
var errStuck = errors.New("does not go on")

// progress waits until every worker of every pod has written and read something that began after the call.
func (c *chaos) progress(ctx context.Context) error {
	const limit = 90 * time.Second
	deadline := time.Now().Add(limit)
	var errs []error
	before := make([]tally.Status, len(c.pods))
	for i, p := range c.pods {
		before[i] = p.last()
	}
	for i, p := range c.pods {
		for {
			behind := p.behind(before[i])
			if behind == "" {
				break
			}
			if !p.running() || time.Now().After(deadline) || ctx.Err() != nil {
				errs = append(errs, fmt.Errorf("pod %s, %s: %w", p.name, behind, errStuck))
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return errors.Join(errs...)
}

// behind names the workers that have not done at least two writes and two reads since a status: the first may have begun earlier.
func (p *pod) behind(before tally.Status) string {
	now := p.last()
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

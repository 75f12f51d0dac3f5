package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// round is something that happens while pods use volumes.
type round struct {
	name string
	// outage marks rounds that end the way to the bricks: errors are allowed until it is there again, nothing else is.
	outage bool
	short  bool // for -short, too
	do     func(ctx context.Context, c *chaos) error
}

func rounds() []round {
	return []round{
		{"plugin-killed-50", false, true, kills(50)},
		{"plugin-restarted-10", false, true, restarts(10)},
		{"heketi-down", false, true, heketiDown},
		{"log-disk-full", false, true, logDiskFull},
		{"state-disk-read-only", false, true, stateReadOnly},
		{"heketi-down+log-disk-full", false, false, both(heketiDown, logDiskFull)},
		{"client-killed", false, true, clientKilled},
		{"node-unplugged", true, false, nodeUnplugged},
		{"storage-unplugged", true, false, storageUnplugged},
		{"storage-unplugged+plugin-killed-20", true, false, both(storageUnplugged, kills(20))},
		{"storage-power-cut", true, false, storagePowerCut},
		{"bricks-stopped", true, false, bricksStopped},
		{"bricks-stopped+plugin-restarted-5", true, false, both(bricksStopped, restarts(5))},
	}
}

// choose returns the rounds of which the name matches one of a comma-separated list of patterns.
func choose(only string, short bool) ([]round, error) {
	var chosen []round
	matched := map[string]bool{}
	patterns := strings.Split(only, ",")
	for _, r := range rounds() {
		take := only == "" && (r.short || !short)
		for _, pattern := range patterns {
			if ok, err := path.Match(strings.TrimSpace(pattern), r.name); ok && err == nil {
				take, matched[pattern] = true, true
			}
		}
		if take {
			chosen = append(chosen, r)
		}
	}
	for _, pattern := range patterns {
		if only != "" && !matched[pattern] {
			return nil, fmt.Errorf("-only: there is no round %q", pattern)
		}
	}
	return chosen, nil
}

// withHung returns whether another volume's client hangs in the runs of a round: it is run both ways, or only with it.
func (r round) withHung(short bool) []bool {
	if short {
		return []bool{true}
	}
	return []bool{false, true}
}

// round runs one round and compares the counts before and after it.
func (c *chaos) round(ctx context.Context, r round, hung bool) row {
	begin := time.Now()
	for _, p := range c.pods {
		p.rest()
	}
	before := c.sums()
	row := row{Round: r.name, Hung: hung, ErrorsAllowed: r.outage}
	row.fault(c.disturb(ctx, r, hung))
	row.fault(c.progress(ctx))
	if r.outage {
		row.fault(c.settle(ctx))
	}
	row.fault(c.clientsAre(ctx, len(c.used)+1))
	after := c.sums()
	beneath, err := c.beneath()
	row.fault(err)
	row.Seconds = time.Since(begin).Seconds()
	row.Writes, row.Reads = after.Writes-before.Writes, after.Reads-before.Reads
	row.Errors, row.Wrong = after.Errors-before.Errors, after.Wrong-before.Wrong
	row.FilesLost = max(0, after.Failing-before.Failing)
	row.Beneath = after.Beneath - before.Beneath + beneath
	row.Pause = after.Pause.Seconds()
	if row.Errors+row.Wrong+row.FilesLost > 0 {
		row.Said = c.said(begin)
	}
	row.judge()
	return row
}

// disturb does what a round is about, with or without a hung client.
func (c *chaos) disturb(ctx context.Context, r round, hung bool) error {
	if !hung {
		return r.do(ctx, c)
	}
	wake, err := c.hang(ctx)
	if err == nil {
		err = r.do(ctx, c)
	}
	return wake(err)
}

// settle waits until the bricks have the same content, so that the next round can take away another, and expects no more errors.
func (c *chaos) settle(ctx context.Context) error {
	if err := c.healed(ctx); err != nil {
		return err
	}
	before := c.sums()
	if err := c.progress(ctx); err != nil {
		return err
	}
	if more := c.sums().Errors - before.Errors; more > 0 {
		return fmt.Errorf("%d errors after the outage", more)
	}
	return nil
}

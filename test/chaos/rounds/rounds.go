// Package rounds runs rounds of chaos, one after the other, while pods use volumes, and compares the counts before and after
// each.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// Rig is the place where rounds run: a lab or a Kubernetes, with pods that use volumes.
type Rig interface {
	Where() string
	Apps() apps.All
	// Hang makes the client of a volume that no pod uses hang until wake is called. wake returns its own error joined with the
	// given one.
	Hang(ctx context.Context) (wake func(error) error, err error)
	// Settle waits until nothing of a round remains. It counts files beneath mount points: those of volumes, and those of mounts
	// inside volumes.
	Settle(ctx context.Context) (beneath int, err error)
	// Sweep removes the files in volumes that lie beneath mounts inside the volumes.
	Sweep(ctx context.Context) error
}

// Round is a disturbance of a rig.
type Round[R Rig] struct {
	Name string
	Do   func(ctx context.Context, rig R) error
	// Heal is set for rounds that cut off the bricks: until it has returned, errors are allowed, but no other damage.
	Heal func(ctx context.Context, rig R) error
	// Deaths is set for rounds that end clients of pods: calls may be cut off, and open files are opened again.
	Deaths bool
	// Within limits the median of the outages; 0 means no limit.
	Within time.Duration
	// Gap is set for rounds in which the kernel drops mounts inside a volume: because they change the graphs of clients, or
	// because they take bricks away one after the other. Calls may then reach the volume beneath a dropped mount until it is
	// mounted again. The gap must be over when all workers have continued after Do, and after Heal if there is one.
	Gap bool
	// Short includes the round in runs with -short.
	Short bool
	// Once means that the round is not run a second time with a hung client.
	Once bool
}

// Choice selects rounds.
type Choice struct {
	Only  string // comma-separated patterns of names; empty selects all rounds
	Short bool
}

func (c Choice) patterns() []string {
	var patterns []string
	for pattern := range strings.SplitSeq(c.Only, ",") {
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// matches reports whether a pattern matches a name. A malformed pattern matches none.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Chosen returns the selected rounds.
func Chosen[R Rig](c Choice, all []Round[R]) []Round[R] {
	var chosen []Round[R]
	for _, r := range all {
		named := slices.ContainsFunc(c.patterns(), func(pattern string) bool { return matches(pattern, r.Name) })
		if named || c.Only == "" && (r.Short || !c.Short) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// Names returns the names of rounds.
func Names[R Rig](all []Round[R]) []string {
	names := make([]string, 0, len(all))
	for _, r := range all {
		names = append(names, r.Name)
	}
	return names
}

// Check returns an error if a pattern matches none of the names.
func (c Choice) Check(names []string) error {
	for _, pattern := range c.patterns() {
		if !slices.ContainsFunc(names, func(name string) bool { return matches(pattern, name) }) {
			return fmt.Errorf("-only: there is no round %q; there are %s", pattern, strings.Join(names, ", "))
		}
	}
	return nil
}

// withHung returns, for each run of a round, whether another volume's client hangs meanwhile. A round runs both without and with
// a hung client, in a short run only with one, and with Once only without.
func (r Round[R]) withHung(short bool) []bool {
	switch {
	case r.Once:
		return []bool{false}
	case short:
		return []bool{true}
	}
	return []bool{false, true}
}

// All runs rounds and prints each result immediately.
func All[R Rig](ctx context.Context, rig R, wanted []Round[R], short bool, out io.Writer) []report.Row {
	var rows []report.Row
	for _, r := range wanted {
		for _, hung := range r.withHung(short) {
			row := r.Run(ctx, rig, hung)
			if ctx.Err() != nil {
				return rows
			}
			lines := append([]string{"chaos: " + strings.Join(row.Cells(), "  ")}, append(row.Faults, row.Said...)...)
			fmt.Fprintln(out, strings.Join(lines, "\n    "))
			rows = append(rows, row)
		}
	}
	return rows
}

// Run runs one round and compares the counts before and after it.
func (r Round[R]) Run(ctx context.Context, rig R, hung bool) report.Row {
	begin := time.Now()
	all := rig.Apps()
	all.Rest()
	before := all.Sum()
	row := report.Row{Round: r.Name, Where: rig.Where(), Hung: hung, ErrorsAllowed: r.Heal != nil, Deaths: r.Deaths, Gap: r.Gap}
	row.Fault(r.disturb(ctx, rig, hung))
	row.Fault(all.Progress(ctx))
	if r.Heal != nil {
		row.Fault(r.healed(ctx, rig))
	}
	if r.Gap {
		row.Fault(closed(ctx, rig))
	}
	beneath, err := rig.Settle(ctx)
	row.Fault(err)
	after := all.Sum()
	row.Seconds = time.Since(begin).Seconds()
	row.Beneath = beneath
	r.count(&row, before, after)
	if row.Errors+row.Wrong+row.FilesLost+row.Cut+row.Astray > 0 {
		row.Said = all.Said(begin)
	}
	row.Judge()
	return row
}

// count adds the workloads' counts to a row.
func (r Round[R]) count(row *report.Row, before, after tally.Sum) {
	row.Writes, row.Reads = after.Writes-before.Writes, after.Reads-before.Reads
	row.Errors, row.Wrong = after.Errors-before.Errors, after.Wrong-before.Wrong
	row.FilesLost = max(0, after.Failing-before.Failing)
	row.Beneath += after.Beneath - before.Beneath
	row.Pause = after.Pause.Seconds()
	row.Cut, row.Reopened, row.Astray = after.Cut-before.Cut, after.Reopened-before.Reopened, after.Astray-before.Astray
	if row.ErrorsAllowed && !r.Deaths { // a live client returns the same errors while all bricks are away
		row.Errors, row.Cut = row.Errors+row.Cut, 0
	}
	row.Outages = report.OutagesOf(after.Outages)
	if median := time.Duration(row.Outages.Median) * time.Millisecond; r.Within > 0 && median > r.Within {
		row.Fault(fmt.Errorf("the median of the outages is %s, want %s at most", median, r.Within))
	}
}

// closed removes files that were written beneath mounts inside volumes while these were away, and checks that no more appear.
func closed(ctx context.Context, rig Rig) error {
	before := rig.Apps().Sum()
	if err := rig.Sweep(ctx); err != nil {
		return err
	}
	if err := rig.Apps().Progress(ctx); err != nil {
		return err
	}
	if more := rig.Apps().Sum().Astray - before.Astray; more > 0 {
		return fmt.Errorf("%d calls reached the volume's own directory after the mount inside it was restored", more)
	}
	return nil
}

// disturb runs the round's disturbance, with or without a hung client.
func (r Round[R]) disturb(ctx context.Context, rig R, hung bool) error {
	if !hung {
		return r.Do(ctx, rig)
	}
	wake, err := rig.Hang(ctx)
	if err == nil {
		err = r.Do(ctx, rig)
	}
	return wake(err)
}

// healed waits for the bricks and checks that no more errors occur.
func (r Round[R]) healed(ctx context.Context, rig R) error {
	if err := r.Heal(ctx, rig); err != nil {
		return err
	}
	before := rig.Apps().Sum()
	if err := rig.Apps().Progress(ctx); err != nil {
		return err
	}
	after := rig.Apps().Sum()
	if more := after.Errors + after.Cut - before.Errors - before.Cut; more > 0 {
		return fmt.Errorf("%d errors after the outage", more)
	}
	return nil
}

// Both does two things concurrently.
func Both[R Rig](one, other func(context.Context, R) error) func(context.Context, R) error {
	return func(ctx context.Context, rig R) error {
		var group errgroup.Group
		group.Go(func() error { return one(ctx, rig) })
		group.Go(func() error { return other(ctx, rig) })
		return group.Wait()
	}
}

// WhileLiving does something while live is called repeatedly, and calls live again afterwards.
func WhileLiving[R Rig](do, live func(context.Context, R) error) func(context.Context, R) error {
	return func(ctx context.Context, rig R) error {
		stop := make(chan struct{})
		lives := make(chan error, 1)
		go func() { lives <- liveUntil(ctx, rig, live, stop) }()
		err := do(ctx, rig)
		close(stop)
		return errors.Join(err, <-lives)
	}
}

func liveUntil[R Rig](ctx context.Context, rig R, live func(context.Context, R) error, stop <-chan struct{}) error {
	for {
		last := false
		select {
		case <-stop:
			last = true
		default:
		}
		if err := live(ctx, rig); err != nil || last {
			return err
		}
	}
}

package migrate

import (
	"errors"
	"time"
)

// Result reports the outcome for one object.
type Result struct {
	Name    string
	Outcome Outcome
	Note    string // what a dry run has found besides
	Err     error  // of Refused, Failed and Missing
	Took    time.Duration
}

// Outcome classifies a Result.
type Outcome string

// The outcomes.
const (
	Migrated   Outcome = "migrated"
	RolledBack Outcome = "rolled back"
	Unchanged  Outcome = "unchanged" // it was done before
	Refused    Outcome = "refused"   // by the plan, or because something has changed since
	Failed     Outcome = "failed"    // the cluster could not be asked or changed: run it again
	Missing    Outcome = "MISSING"   // deleted by an earlier run, and left out by this one

	WouldMigrate  Outcome = "would migrate" // of a dry run, as is the next
	WouldRollBack Outcome = "would roll back"
)

// outcome returns the outcome of what succeeds: done, or in a dry run what would be done.
func (a *Applier) outcome(done Outcome) Outcome {
	switch {
	case a.DryRun && done == Migrated:
		return WouldMigrate
	case a.DryRun:
		return WouldRollBack
	}
	return done
}

// withError returns the result with the outcome that err and changed stand for.
func (r Result) withError(changed bool, err error, took time.Duration) Result {
	r.Err, r.Took = err, took
	switch {
	case errors.Is(err, ErrChanged):
		r.Outcome = Refused
	case err != nil:
		r.Outcome = Failed
	case !changed:
		r.Outcome = Unchanged
	}
	return r
}

package migrate

import (
	"errors"
	"time"
)

// Result reports the outcome for one object.
type Result struct {
	Name    string
	Outcome Outcome
	Note    string // an additional finding
	Err     error  // set if Refused, Failed, Missing or NotRestored
	Took    time.Duration
}

// Outcome classifies a Result.
type Outcome string

// The values of Outcome.
const (
	Migrated    Outcome = "migrated"
	RolledBack  Outcome = "rolled back"
	Unchanged   Outcome = "unchanged"    // it was done already
	Refused     Outcome = "refused"      // in the plan, or because something has changed since the plan was made
	Failed      Outcome = "failed"       // the cluster could not be read or changed: run it again
	Missing     Outcome = "MISSING"      // an earlier run deleted it, and this run has not tried to replace it; see ReportMissing
	NotRestored Outcome = "not restored" // Endpoints or a Service that a rollback could not create again

	WouldMigrate  Outcome = "would migrate"   // in a dry run
	WouldRollBack Outcome = "would roll back" // in a dry run
)

// outcome returns the outcome of a success: the argument done or, in a dry run, the outcome that would follow.
func (a *Applier) outcome(done Outcome) Outcome {
	switch {
	case a.DryRun && done == Migrated:
		return WouldMigrate
	case a.DryRun:
		return WouldRollBack
	}
	return done
}

// withError returns the result with the outcome that follows from err and changed.
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

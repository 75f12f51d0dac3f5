package migrate

import (
	"errors"
	"time"
)

// Result reports the outcome for one object.
type Result struct {
	Name    string
	Outcome Outcome
	Err     error // of Refused and Failed
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
)

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

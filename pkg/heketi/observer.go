package heketi

import (
	"context"
	"time"
)

// Observer receives every operation that this process requests from Heketi, and every refused login. Its methods are called
// concurrently.
type Observer interface {
	// Began is called when an operation, such as "create", "cleanup" or "add-node", gets one of the backend's slots. The parameter
	// queued is the time that the operation has waited for the slot. When the operation is over, the returned function ended is
	// called with one of the outcomes below.
	Began(backend, operation string, queued time.Duration) (ended func(outcome string))

	// Configured is called when a backend is added to the configuration or changed in it.
	Configured(backend string)

	// LoginRefused is called when Heketi refuses the login of any request, even one that belongs to no operation.
	LoginRefused(backend string)
}

// The outcomes that an Observer receives.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused"
	OutcomeFailed  = "failed"
	OutcomeUnknown = "unknown"
)

// Setting configures the result of NewBackends and OpenBackends.
type Setting func(*Backends)

// WithObserver sets the observer that operations are reported to.
func WithObserver(o Observer) Setting { return func(bs *Backends) { bs.observer = o } }

type unobserved struct{}

// Began implements Observer.
func (unobserved) Began(string, string, time.Duration) func(string) { return func(string) {} }

// Configured implements Observer.
func (unobserved) Configured(string) {}

// LoginRefused implements Observer.
func (unobserved) LoginRefused(string) {}

// operate runs one operation in one of the backend's slots.
func (b *Backend) operate(ctx context.Context, operation string, run func() error) error {
	queued := time.Now()
	if err := b.acquire(ctx); err != nil {
		return err
	}
	defer b.release()
	ended := b.observer.Began(b.config.Name, operation, time.Since(queued))
	outcome := OutcomeUnknown // also after a panic
	defer func() { ended(outcome) }()
	err := run()
	outcome = outcomeName(err)
	return err
}

func outcomeName(err error) string {
	if err == nil {
		return OutcomeDone
	}
	switch OutcomeOf(err) {
	case Refused:
		return OutcomeRefused
	case Failed:
		return OutcomeFailed
	case Unknown:
	}
	return OutcomeUnknown
}

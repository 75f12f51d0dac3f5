package heketi

import (
	"context"
	"time"
)

// Observer is told of every operation that this process has Heketi carry out. Its methods are called concurrently.
type Observer interface {
	// Began is called when the operation ("create", "delete", "expand", "cleanup") has one of the backend's slots, for
	// which it has waited queued; ended when it is over.
	Began(backend, operation string, queued time.Duration) (ended func(outcome string))
}

// The outcomes that an Observer sees.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused"
	OutcomeFailed  = "failed"
	OutcomeUnknown = "unknown"
)

// Option changes what NewBackends makes.
type Option func(*Backends)

// WithObserver has operations reported to o.
func WithObserver(o Observer) Option { return func(bs *Backends) { bs.observer = o } }

type unobserved struct{}

// Began implements Observer.
func (unobserved) Began(string, string, time.Duration) func(string) { return func(string) {} }

// operate runs one operation of Heketi's in one of the backend's slots.
func (b *Backend) operate(ctx context.Context, operation string, run func() error) error {
	queued := time.Now()
	if err := b.acquire(ctx); err != nil {
		return err
	}
	defer b.release()
	ended := b.observer.Began(b.config.Name, operation, time.Since(queued))
	outcome := OutcomeUnknown // also of a panic
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

package provisioner

import "time"

// Observer is told which operations run, and what spared Heketi one. Its methods are called concurrently.
type Observer interface {
	// Operation: one ("create", "delete", "expand", "examination") has begun; ended is called when it has ended, which may be
	// after its calls.
	Operation(kind string) (ended func())
	// Existing: a create found the volume that an earlier one had made.
	Existing(backend string)
	// Joined: a call ("create", "delete", "expand") waits for the operation that an earlier one has begun.
	Joined(kind string)
}

// Option changes what New makes.
type Option func(*Provisioner)

// WithObserver has the provisioner report to o.
func WithObserver(o Observer) Option { return func(p *Provisioner) { p.observer = o } }

// WithRefresh sets how old what is known of taken group ids may be, by default 30 seconds: that long, a volume that
// somebody else makes with a group id of his own choice may go unnoticed.
func WithRefresh(d time.Duration) Option { return func(p *Provisioner) { p.refresh = d } }

// WithJournal has the provisioner remember in j which expands it has sent, by default only as long as it lives.
func WithJournal(j *Journal) Option { return func(p *Provisioner) { p.journal = j } }

type unobserved struct{}

// Operation implements Observer.
func (unobserved) Operation(string) func() { return func() {} }

// Existing implements Observer.
func (unobserved) Existing(string) {}

// Joined implements Observer.
func (unobserved) Joined(string) {}

package provisioner

import "time"

// Observer is told which operations run, and which calls needed no new operation in Heketi. Its methods are called concurrently.
type Observer interface {
	// Operation is called when an operation ("create", "delete", "expand", "examination") begins. The returned function is called
	// when the operation ends, which may be after the end of the calls that wait for it.
	Operation(kind string) (ended func())
	// Existing is called when a create finds the volume that an earlier create made.
	Existing(backend string)
	// Joined is called when a call waits for an operation that an earlier call has begun. kind is the kind of the operation.
	Joined(kind string)
}

// Setting configures a Provisioner.
type Setting func(*Provisioner)

// WithObserver sets the observer that the provisioner reports to.
func WithObserver(o Observer) Setting { return func(p *Provisioner) { p.observer = o } }

// WithRefresh sets the maximum age of the cached group ids, by default 30 seconds. For that long, the driver can overlook a
// volume that another client of Heketi makes with a group id of its choice.
func WithRefresh(d time.Duration) Setting { return func(p *Provisioner) { p.refresh = d } }

// WithJournal sets the journal in which the provisioner remembers the requests that it has sent. By default, the journal is in
// memory only.
func WithJournal(j *Journal) Setting { return func(p *Provisioner) { p.journal = j } }

type unobserved struct{}

// Operation implements Observer.
func (unobserved) Operation(string) func() { return func() {} }

// Existing implements Observer.
func (unobserved) Existing(string) {}

// Joined implements Observer.
func (unobserved) Joined(string) {}

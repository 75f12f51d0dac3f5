// Package osthread runs functions that change the state of an OS thread: its namespaces, root directory or cgroup. Such a
// function must run on one of these threads, which end afterwards, so that no other goroutine gets the changed state.
package osthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Thread is an OS thread that calls functions one after another. Their changes affect only this thread and the processes that
// they start. It is never the main thread of the process: Go cannot end that one, and /proc/self shows its view.
type Thread struct{ calls chan func() }

// New returns a thread. The caller must call End.
func New() Thread {
	t := Thread{calls: make(chan func())}
	go onThread(func() {
		for call := range t.calls {
			call()
		}
	})
	return t
}

// Do calls fn on the thread.
func (t Thread) Do(fn func() error) error {
	failed := make(chan error, 1)
	t.calls <- func() { failed <- fn() }
	return <-failed
}

// End ends the thread shortly afterwards.
func (t Thread) End() { close(t.calls) }

// Run calls fn on a thread that ends afterwards.
func Run(fn func() error) error {
	t := New()
	defer t.End()
	return t.Do(fn)
}

func onThread(fn func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		fn()
		return // still locked, so the runtime ends the thread
	}
	// Keep the main thread busy, so that the other goroutine gets another thread.
	done := make(chan struct{})
	go func() {
		defer close(done)
		onThread(fn)
	}()
	<-done
	runtime.UnlockOSThread()
}

// Package osthread runs functions that change what belongs to an OS thread: namespaces, root directory, cgroup.
package osthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Thread is an OS thread on which functions are called one after another. What they change about it concerns nothing else, and
// processes that they start inherit it. It is never the main thread of the process: Go keeps that one, and /proc/self shows what
// it sees.
type Thread struct{ calls chan func() }

// New returns a thread, which the caller ends.
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

// End ends the thread, a moment later.
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
		return // locked: the runtime ends the thread
	}
	// Hold the main thread, so that another goroutine gets another one.
	done := make(chan struct{})
	go func() {
		defer close(done)
		onThread(fn)
	}()
	<-done
	runtime.UnlockOSThread()
}

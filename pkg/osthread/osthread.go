// Package osthread runs functions that change the state of an OS thread: its namespaces, root directory or cgroup. Run calls one
// function on a thread that ends afterwards, so that no other goroutine gets the changed state. New returns a Thread, which calls
// several functions, one after another; its caller must call End. Processes that a function starts inherit the state.
//
// All threads share the root directory, the working directory and the umask: a function that changes one of them must first call
// unshare(CLONE_FS). A child with Pdeathsig is killed when the thread ends.
package osthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Thread is an OS thread that calls functions one after another. It is never the main thread of the process: Go cannot end the
// main thread, and /proc/self shows the main thread's view.
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

// Do calls fn on the thread, after earlier calls have returned, and returns the error of fn. Do must not be called after End.
func (t Thread) Do(fn func() error) error {
	failed := make(chan error, 1)
	t.calls <- func() { failed <- fn() }
	return <-failed
}

// End ends the thread, and does not wait until it has ended.
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

// Package osthread runs functions that change what belongs to an OS thread: namespaces, root directory, cgroup.
package osthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Run calls fn on a thread that ends afterwards, so that what fn changes about its thread concerns nothing else. Processes that fn
// starts inherit it. The thread is never the main thread of the process: Go keeps that one, and /proc/self shows what it sees.
func Run(fn func() error) error {
	failed := make(chan error, 1)
	go onThread(func() { failed <- fn() })
	return <-failed
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

package gluster

import (
	"context"
	"syscall"
	"time"
)

// runner runs all programs, and is the parent of all processes. Tests have fakes.
type runner interface {
	// Run runs a program to its end and returns its standard output, also with an error. When ctx is done, the program is ended.
	Run(ctx context.Context, args ...string) (output []byte, err error)
	// Start starts a program that stays. Its output goes to this process's standard error.
	Start(args ...string) (*process, error)
	// Children lists the processes whose parent this process is: those that it started, and those whose parents have ended.
	Children() ([]child, error)
	// Signal sends a signal to a child. It does nothing if the child has ended.
	Signal(pid int, signal syscall.Signal) error
}

// process is a program that was started.
type process struct {
	pid   int
	ended chan struct{} // closed when the process has ended
	how   string        // valid after that: such as "exit status 1"
}

// child is a process that is not a zombie.
type child struct {
	pid  int
	name string
}

// within runs a program for at most limit.
func within(ctx context.Context, limit time.Duration, r runner, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, limitError(limit))
	defer cancel()
	_, err := r.Run(ctx, args...)
	return err
}

// limitError is the reason when a program was ended because it took too long.
type limitError time.Duration

// Error implements error.
func (e limitError) Error() string { return "no end after " + time.Duration(e).String() }

// endedWithin waits for the end of a process.
func (p *process) endedWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

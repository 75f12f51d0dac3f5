package gluster

import (
	"context"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
)

// runner runs programs, and is the parent of all processes. Tests use fakes.
type runner interface {
	cli.Runner
	// Start starts a long-running program, whose output goes to this process's standard error.
	Start(args ...string) (*process, error)
	// Children lists the child processes: those that were started here, and those that the kernel gave this process when their
	// parents ended.
	Children() ([]child, error)
	// Signal sends a signal to a child. It does nothing if the child has ended.
	Signal(pid int, signal syscall.Signal) error
}

// process is a program that Start has started.
type process struct {
	pid   int
	ended chan struct{} // closed when the process has ended
	how   string        // the status, such as "exit status 1"; valid once ended is closed
}

// child is a process that is not a zombie.
type child struct {
	pid  int
	name string
}

// within runs a program with a time limit.
func within(ctx context.Context, limit time.Duration, r runner, args ...string) error {
	ctx, cancel := cli.WithLimit(ctx, limit)
	defer cancel()
	_, err := r.Run(ctx, args...)
	return err
}

// endedWithin reports whether the process ends within the limit.
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

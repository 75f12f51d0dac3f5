package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Child is a process that ends with this one, however this one ends.
type Child struct {
	process *os.Process
	done    chan struct{}
}

// StartChild starts cmd, which must not have been started. The Child calls cmd.Wait, so the caller must not.
func StartChild(cmd *exec.Cmd) (*Child, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started, done := make(chan error), make(chan struct{})
	go func() {
		// The kernel sends Pdeathsig when the thread ends, so the thread stays with this goroutine.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return &Child{process: cmd.Process, done: done}, nil
}

// Pid returns the process ID.
func (c *Child) Pid() int { return c.process.Pid }

// Done returns a channel that is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Signal sends a signal.
func (c *Child) Signal(signal os.Signal) error { return c.process.Signal(signal) }

// Kill sends SIGKILL and waits for the process to end.
func (c *Child) Kill() error {
	if err := c.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

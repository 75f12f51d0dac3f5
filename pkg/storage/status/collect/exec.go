package collect

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

const (
	// killedAfter is the time from SIGTERM to SIGKILL.
	killedAfter = 2 * time.Second
	// leftAfter is the time from SIGKILL until a process is left behind. A process that is blocked in the kernel by a device
	// cannot be killed.
	leftAfter = 2 * time.Second
)

// Exec runs programs as children of this process. The container's first process must not use it, because that process reaps all
// of its children itself.
type Exec struct{}

// Run implements cli.Runner.
func (Exec) Run(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, args[0], args[1:]...) // #nosec G204 -- commands of this program
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = killedAfter
	type result struct {
		output []byte
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		output, err := command.Output()
		ended <- result{output, err}
	}()
	var r result
	select {
	case r = <-ended:
	case <-ctx.Done():
		select {
		case r = <-ended:
		case <-time.After(killedAfter + leftAfter):
			return nil, fmt.Errorf("%s: %w, and it cannot be killed: it is blocked by a device", strings.Join(args, " "), context.Cause(ctx))
		}
	}
	switch exit, exited := errors.AsType[*exec.ExitError](r.err); {
	case r.err == nil:
		return r.output, nil
	case ctx.Err() != nil:
		return r.output, fmt.Errorf("%s: %w", strings.Join(args, " "), context.Cause(ctx))
	case exited:
		said := string(exit.Stderr)
		if strings.TrimSpace(said) == "" {
			said = string(r.output) // gluster prints some of its errors on standard output
		}
		return r.output, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), r.err, plain.Line(said, mostReason))
	}
	return r.output, fmt.Errorf("%s: %w", strings.Join(args, " "), r.err)
}

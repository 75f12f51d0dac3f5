// Package cli queries the glusterd in the same container, through the gluster command. The caller supplies the Runner that starts
// programs. Each command has a time limit; see Limits. If glusterd is down, a query returns the gluster command's error.
package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
)

// CLI runs the gluster command.
type CLI struct {
	Runner Runner
	Limits Limits
	// RunDir and StateFile are the directory and name of the file into which glusterd writes its state. Concurrent calls of Volumes
	// need different files, also in different processes.
	RunDir, StateFile string
}

// Runner runs a program until the program exits. It returns the standard output even if it also returns an error. When ctx is
// done, Runner ends the program.
type Runner interface {
	Run(ctx context.Context, args ...string) (output []byte, err error)
}

// Limits bound how long a command may take.
type Limits struct {
	Pool     time.Duration // gluster pool list
	State    time.Duration // gluster get-state
	HealInfo time.Duration // gluster volume heal info summary, for one volume
}

// DefaultLimits returns limits that suffice for a busy node.
func DefaultLimits() Limits {
	return Limits{Pool: 7 * time.Second, State: 30 * time.Second, HealInfo: 2 * time.Minute}
}

// Pool returns the servers of the trusted pool.
func (c *CLI) Pool(ctx context.Context) ([]glustercli.Peer, error) {
	output, err := c.ask(ctx, c.Limits.Pool, "pool", "list", "--xml")
	return decoded(output, err, glustercli.ReadPool)
}

// HealSummary returns the heal backlog of a volume. It puts load on the bricks: gluster crawls their lists of entries.
func (c *CLI) HealSummary(ctx context.Context, volume string) (glustercli.HealSummary, error) {
	output, err := c.ask(ctx, c.Limits.HealInfo, "volume", "heal", volume, "info", "summary", "--xml")
	return decoded(output, err, glustercli.ReadHealSummary)
}

// Volumes returns all volumes as this server's glusterd reports them. It asks no other server and takes no lock.
func (c *CLI) Volumes(ctx context.Context) ([]glustercli.Volume, error) {
	if _, err := c.ask(ctx, c.Limits.State, "get-state", "glusterd", "odir", c.RunDir, "file", c.StateFile); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(c.RunDir, c.StateFile))
	if err != nil {
		return nil, fmt.Errorf("read the state of glusterd: %w", err)
	}
	return glustercli.ReadState(bytes.NewReader(data))
}

func (c *CLI) ask(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	ctx, cancel := WithLimit(ctx, limit)
	defer cancel()
	return c.Runner.Run(ctx, append([]string{"gluster", "--mode=script"}, args...)...)
}

// WithLimit returns a context for running one program. If the program takes longer than the limit, the context's cause names the
// limit.
func WithLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("did not end within %s", limit))
}

// decoded decodes an output. If the command has failed, an error in the output takes precedence over the exit code.
func decoded[T any](output []byte, failure error, read func(io.Reader) (T, error)) (T, error) {
	result, err := read(bytes.NewReader(output))
	if failed, ok := errors.AsType[*glustercli.FailedError](err); ok && failed.Message != "" || failure == nil {
		return result, err
	}
	var none T
	return none, failure
}

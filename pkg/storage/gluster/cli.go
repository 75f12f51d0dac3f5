package gluster

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

// cli asks glusterd by the gluster command.
type cli struct {
	runner runner
	limits limits
	runDir string
}

func (c *cli) pool(ctx context.Context) ([]glustercli.Peer, error) {
	output, err := c.ask(ctx, c.limits.answer, "pool", "list", "--xml")
	return decoded(output, err, glustercli.ReadPool)
}

func (c *cli) healSummary(ctx context.Context, volume string) (glustercli.HealSummary, error) {
	output, err := c.ask(ctx, c.limits.healInfo, "volume", "heal", volume, "info", "summary", "--xml")
	return decoded(output, err, glustercli.ReadHealSummary)
}

// stateFile is written by glusterd, in its own directory for such files.
const stateFile = "glusterfs-storage-state"

// volumes reads what glusterd knows of all volumes. Other servers are not asked, and no lock is taken.
func (c *cli) volumes(ctx context.Context) ([]glustercli.Volume, error) {
	if _, err := c.ask(ctx, c.limits.state, "get-state", "glusterd", "odir", c.runDir, "file", stateFile); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(c.runDir, stateFile))
	if err != nil {
		return nil, fmt.Errorf("read the state of glusterd: %w", err)
	}
	return glustercli.ReadState(bytes.NewReader(data))
}

func (c *cli) ask(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	return within(ctx, limit, c.runner, append([]string{"gluster", "--mode=script"}, args...)...)
}

// decoded reads an output. If the command has failed, what its output says about that is better than its exit code.
func decoded[T any](output []byte, failure error, read func(io.Reader) (T, error)) (T, error) {
	result, err := read(bytes.NewReader(output))
	if failed, ok := errors.AsType[*glustercli.FailedError](err); ok && failed.Message != "" || failure == nil {
		return result, err
	}
	var none T
	return none, failure
}

package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// Settle waits until only the necessary clients run, and counts files beneath mount points.
func (c *rig) Settle(ctx context.Context) (int, error) {
	err := c.clientsAre(ctx, len(c.used)+1)
	beneath, walkErr := c.beneath()
	inside, findErr := c.beneathInside(ctx)
	return beneath + inside, errors.Join(err, walkErr, findErr)
}

// beneath counts files below the directories on which volumes are mounted. The host has these directories without the mounts.
func (c *rig) beneath() (int, error) {
	count := 0
	err := filepath.WalkDir(c.dir(), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			count++
		}
		return err
	})
	return count, err
}

// clientsAre waits until the given number of clients runs on the machine: no volume may have two, or keep one that it does not
// need.
func (c *rig) clientsAre(ctx context.Context, want int) error {
	const limit = 15 * time.Second
	deadline := time.Now().Add(limit)
	for {
		found, err := outside.Clients(ctx, c.machine(), "")
		if err != nil || len(found) == want {
			return err
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("there are %d clients, want %d: %v", len(found), want, found)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

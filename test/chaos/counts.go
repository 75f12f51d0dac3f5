package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// sums adds up the counts of all pods.
func (c *chaos) sums() tally.Sum {
	var all tally.Status
	for _, p := range c.pods {
		all.Workers = append(all.Workers, p.last().Workers...)
	}
	return all.Sum()
}

// said returns the errors of all workers since a time.
func (c *chaos) said(since time.Time) []string {
	var lines []string
	for _, p := range c.pods {
		for _, w := range p.last().Workers {
			for _, line := range w.Said {
				if line >= since.Format("15:04:05") {
					lines = append(lines, fmt.Sprintf("%s, %s: %s", p.name, w.Name, line))
				}
			}
		}
	}
	return lines
}

// beneath counts files below the directories on which volumes are mounted. The host has these directories without the mounts.
func (c *chaos) beneath() (int, error) {
	count := 0
	err := filepath.WalkDir(c.lab.NodeDir(1), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			count++
		}
		return err
	})
	return count, err
}

// clientsAre waits until so many clients run on the machine: no volume may have two, or keep one that it does not need.
func (c *chaos) clientsAre(ctx context.Context, want int) error {
	const limit = 15 * time.Second
	deadline := time.Now().Add(limit)
	for {
		found, err := outside.Clients(ctx, c.lab.Node(1), "")
		if err != nil || len(found) == want {
			return err
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("there are %d clients, want %d: %v", len(found), want, found)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

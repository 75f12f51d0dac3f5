// Package strays finds what a run has left behind on a node. It compares snapshots that the caller takes before and after the
// run.
package strays

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Snapshot lists the processes, mounts, control groups and directories of a node, one in each line.
type Snapshot []string

// Cgroups returns a top-level group and the groups in it, in all hierarchies.
func Cgroups(name string) ([]string, error) {
	var found []string
	for _, pattern := range []string{name, name + "/*", "*/" + name, "*/" + name + "/*"} {
		paths, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				found = append(found, path)
			}
		}
	}
	return found, nil
}

// since returns the lines of a snapshot that an earlier one did not have.
func (s Snapshot) since(earlier Snapshot) []string {
	rest := slices.Clone(earlier)
	var added []string
	for _, line := range s {
		if i := slices.Index(rest, line); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			added = append(added, line)
		}
	}
	return added
}

// Left waits until a node has nothing that it did not have before. It returns what remains at the end of the limit.
func Left(ctx context.Context, before Snapshot, limit time.Duration, take func(context.Context) (Snapshot, error)) ([]string, error) {
	deadline := time.Now().Add(limit)
	for {
		now, err := take(ctx)
		added := now.since(before)
		if err == nil && len(added) == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return added, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

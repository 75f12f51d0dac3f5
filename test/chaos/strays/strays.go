// Package strays finds what a run has left on a node.
package strays

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Snapshot is what a node has of processes, mounts, control groups and directories: a line for each.
type Snapshot []string

// Cgroups finds a top-level group and those in it, in all hierarchies.
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

// RemoveCgroups removes what a run that was interrupted has left, when its processes have ended.
func RemoveCgroups(name string) error {
	found, err := Cgroups(name)
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) }) // the inner ones first
	for _, path := range found {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// since returns the lines that a snapshot has and an earlier one had not.
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

// Left waits until there is nothing that there was not before, and returns what there still is.
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

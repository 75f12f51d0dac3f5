package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// snapshot is what a node has of processes, mounts, control groups and directories: a line for each.
type snapshot []string

func (c *chaos) snapshot(ctx context.Context) (snapshot, error) {
	var all snapshot
	node := filepath.Dir(c.lab.NodeDir(1))
	ps, err := c.lab.Node(1).Output(ctx, "ps", "-eo", "comm=")
	for line := range strings.Lines(ps) {
		all = append(all, "process "+strings.TrimSpace(line))
	}
	mounts, mountsErr := outside.Mounts(ctx, c.lab.Node(1), mountinfo.PrefixFilter(node))
	for _, m := range mounts {
		all = append(all, "mount "+m.Mountpoint+" "+m.FSType)
	}
	groups, groupsErr := cgroupsOf(c.group)
	for _, group := range groups {
		all = append(all, "cgroup "+group)
	}
	walkErr := filepath.WalkDir(node, func(path string, entry fs.DirEntry, err error) error {
		all = append(all, "file "+path)
		if err == nil && entry.IsDir() && filepath.Base(filepath.Dir(path)) == "tree" {
			return fs.SkipDir // the client's files
		}
		return err
	})
	return all, errors.Join(err, mountsErr, groupsErr, walkErr)
}

// cgroupsOf finds a top-level group and those in it, in all hierarchies.
func cgroupsOf(name string) ([]string, error) {
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

// removeCgroups removes what a run that was interrupted has left, when its processes have ended.
func removeCgroups(name string) error {
	found, err := cgroupsOf(name)
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) }) // the inner ones first
	for _, path := range found {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// since returns the lines that a snapshot has and an earlier one had not.
func (s snapshot) since(earlier snapshot) []string {
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

// strays waits until the node has nothing that it did not have before the run, and returns what it still has.
func (c *chaos) strays(ctx context.Context) ([]string, error) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		now, err := c.snapshot(ctx)
		added := now.since(c.before)
		if err == nil && len(added) == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return added, err
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

package glusterlab

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// snapshot lists the state of client machine 1.
func (c *rig) snapshot(ctx context.Context) (strays.Snapshot, error) {
	var all strays.Snapshot
	node := filepath.Dir(c.lab.NodeDir(1))
	ps, err := c.lab.Node(1).Output(ctx, "ps", "-eo", "comm=")
	for line := range strings.Lines(ps) {
		all = append(all, "process "+strings.TrimSpace(line))
	}
	mounts, mountsErr := outside.Mounts(ctx, c.lab.Node(1), mountinfo.PrefixFilter(node))
	for _, m := range mounts {
		all = append(all, "mount "+m.Mountpoint+" "+m.FSType)
	}
	groups, groupsErr := strays.Cgroups(c.group)
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

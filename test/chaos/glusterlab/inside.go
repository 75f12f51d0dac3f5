package glusterlab

import (
	"context"
	"path/filepath"
	"strings"
)

// The suffixes of a pod's emptyDir and subPath. Both lie beside the pod's target, and the volume has a directory for each.
const (
	scratch = "-scratch"
	sub     = "-sub"
)

// furnish makes a pod's mounts besides its volume, as the kubelet and the container runtime do: an emptyDir, which the pod mounts
// inside the volume, and a bind of the directory that is a subPath.
func (c *rig) furnish(ctx context.Context, p *pod) error {
	const script = `set -e
mkdir "$1/$2-scratch" "$1/$2-sub" "$1-scratch" "$1-sub"
mount -t tmpfs -o size=16m scratch "$1-scratch"
mount --bind "$1/$2-sub" "$1-sub"`
	_, err := c.machine().Output(ctx, "sh", "-c", script, "sh", c.target(p.volume, p.name), p.name)
	return err
}

// unfurnish undoes furnish on the node; the volume's content stays. Before Linux 6.5 there are layers of mounts. Removing a
// directory is the reliable check that nothing is mounted on it, because a mount table may change while it is read.
func (c *rig) unfurnish(ctx context.Context, p *pod) error {
	const script = `set -e
remove() { until rmdir "$1" 2>/dev/null; do umount -l "$1"; done; }
remove "$1-scratch"
remove "$1-sub"`
	_, err := c.machine().Output(ctx, "sh", "-c", script, "sh", c.target(p.volume, p.name))
	return err
}

// beneathInside counts files in the volumes' own directories on which pods have emptyDirs mounted. These directories are visible
// on the node.
func (c *rig) beneathInside(ctx context.Context) (int, error) {
	out, err := c.findInside(ctx, "-print")
	return strings.Count(out, "\n"), err
}

// Sweep removes the files that beneathInside counts.
func (c *rig) Sweep(ctx context.Context) error {
	_, err := c.findInside(ctx, "-delete")
	return err
}

func (c *rig) findInside(ctx context.Context, action string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	args := make([]string, 0, len(c.pods)+3)
	for _, p := range c.pods {
		args = append(args, filepath.Join(c.target(p.volume, p.name), p.name+scratch))
	}
	return c.machine().Output(ctx, "find", append(args, "-mindepth", "1", action)...)
}

// startable checks that a container with each pod's subPath could be started now: the kubelet's bind mount of the subPath can be
// bound again, and shows the directory.
func (c *rig) startable(ctx context.Context) error {
	const script = `fail() { echo "$1" >&2; exit 1; }
mount --bind "$1" /mnt
test -d /mnt/renamed || fail "$1 has no directory renamed"
type=$(stat -f -c %t /mnt)
test "$type" = 65735546 || fail "$1 has file system type $type, want 65735546: no volume is mounted there"`
	for _, p := range c.pods {
		err := patiently(ctx, "start a container with the subPath of "+p.name, func(ctx context.Context) error {
			_, err := c.machine().Output(ctx, "unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", c.target(p.volume, p.name)+sub)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

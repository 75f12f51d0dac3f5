package glusterlab

import (
	"context"
	"path/filepath"
	"strings"
)

// Beside the target of a pod are its emptyDir and its subPath, and in the volume are directories for both.
const (
	scratch = "-scratch"
	sub     = "-sub"
)

// furnish makes what a pod has besides its volume, as the kubelet and the container runtime do: an emptyDir, which is mounted inside
// the volume in the pod, and a bind of the directory that is a subPath.
func (c *rig) furnish(ctx context.Context, p *pod) error {
	const script = `set -e
mkdir "$1/$2-scratch" "$1/$2-sub" "$1-scratch" "$1-sub"
mount -t tmpfs -o size=16m scratch "$1-scratch"
mount --bind "$1/$2-sub" "$1-sub"`
	_, err := c.machine().Output(ctx, "sh", "-c", script, "sh", c.target(p.volume, p.name), p.name)
	return err
}

// unfurnish is the end of that, on the node: what the volume has remains. Before Linux 6.5 there are layers of mounts. A directory on
// which something is mounted cannot be removed, which is certain, while a table of mounts may change as it is read.
func (c *rig) unfurnish(ctx context.Context, p *pod) error {
	const script = `set -e
remove() { until rmdir "$1" 2>/dev/null; do umount -l "$1"; done; }
remove "$1-scratch"
remove "$1-sub"`
	_, err := c.machine().Output(ctx, "sh", "-c", script, "sh", c.target(p.volume, p.name))
	return err
}

// beneathInside counts files in the volumes' own directories on which pods have emptyDirs. The node sees these directories.
func (c *rig) beneathInside(ctx context.Context) (int, error) {
	out, err := c.findInside(ctx, "-print")
	return strings.Count(out, "\n"), err
}

// Sweep removes these files.
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

// startable expects that a container with the subPath of each pod could be started now: the kubelet's bind of it can be bound again,
// and shows the directory.
func (c *rig) startable(ctx context.Context) error {
	const script = `fail() { echo "$1" >&2; exit 1; }
mount --bind "$1" /mnt
test -d /mnt/renamed || fail "$1 has no directory renamed"
type=$(stat -f -c %t /mnt)
test "$type" = 65735546 || fail "$1 has file system type $type, want 65735546: it is not of the volume"`
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

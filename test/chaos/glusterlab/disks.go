package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disks holds the node plugin's directories on client machine 1.
type disks struct {
	state, logs string
}

// makeDisks puts the clients' logs on a small file system, so that it can be filled. The node plugin is restarted to use it.
func (c *rig) makeDisks(ctx context.Context) (disks, error) {
	state := filepath.Join(filepath.Dir(c.lab.NodeDir(1)), "state")
	d := disks{state: state, logs: filepath.Join(state, "logs")}
	if _, err := c.lab.Node(1).Output(ctx, "mount", "-t", "tmpfs", "-o", "size=1m", "logs", d.logs); err != nil {
		return d, err
	}
	return d, c.restart(ctx)
}

// removeDisks unmounts the logs. It waits for processes that have a log open for a moment; its error names those that keep one
// open.
func (c *rig) removeDisks(ctx context.Context) error {
	const script = `umount "$1" || { find /proc -maxdepth 3 -lname "$1*" 2>/dev/null >&2; exit 1; }`
	return patiently(ctx, "unmount the logs", func(ctx context.Context) error {
		_, err := c.lab.Node(1).Output(ctx, "sh", "-c", script, "sh", c.disks.logs)
		return err
	})
}

// logDiskFull fills the file system of the logs and holds the file open, because the plugin removes files that it does not
// recognize.
func logDiskFull(ctx context.Context, c *rig) error {
	pid, err := c.lab.Node(1).Pid(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(fmt.Sprintf("/proc/%d/root", pid), c.disks.logs, "full")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	chunk := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(chunk)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, file.Close())
	}
	err = c.serves(ctx)
	if removeErr := os.Remove(path); !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return errors.Join(err, file.Close())
}

// serves checks that a plugin that is restarted becomes ready, publishes and unpublishes.
func (c *rig) serves(ctx context.Context) error {
	err := c.restart(ctx)
	if err == nil {
		err = c.life(ctx, c.spare)
	}
	if err == nil {
		err = c.another(ctx)
	}
	return err
}

// another publishes a volume in use to one more pod for a moment.
func (c *rig) another(ctx context.Context) error {
	err := c.publish(ctx, c.used[0], "another")
	if err == nil {
		err = c.use(ctx, c.target(c.used[0], "another"))
	}
	return errors.Join(err, c.unpublish(ctx, c.used[0], "another"))
}

// stateReadOnly covers the state directory with a read-only mount of itself. The running plugin, and one that is started then,
// must still publish a staged volume, and unpublish and unstage everything. They may fail to stage a new volume.
func stateReadOnly(ctx context.Context, c *rig) error {
	if err := c.stage(ctx, c.spare); err != nil {
		return err
	}
	node := c.lab.Node(1)
	_, err := node.Output(ctx, "sh", "-c", `mount --rbind "$1" "$1" && mount -o remount,bind,ro "$1" && ! touch "$1/x" 2>/dev/null`, "sh", c.disks.state)
	if err == nil {
		err = c.another(ctx)
	}
	if err == nil {
		err = c.restart(ctx)
	}
	if err == nil {
		err = c.another(ctx)
	}
	if err == nil {
		err = c.unstage(ctx, c.spare)
	}
	_, umountErr := node.Output(context.WithoutCancel(ctx), "umount", "-R", "-l", c.disks.state) // the plugin has locked a file in it
	return errors.Join(err, umountErr, c.restart(ctx), c.life(ctx, c.spare))
}

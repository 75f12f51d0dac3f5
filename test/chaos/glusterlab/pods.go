package glusterlab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// pod runs the workload on a published volume.
type pod struct {
	name        string
	volume      *volume
	propagation string // of its mount: "rslave" or "private"

	*apps.App
	cmd *exec.Cmd
}

// start publishes the volume to a pod and starts the workload there.
func (c *rig) start(ctx context.Context, p *pod) error {
	if err := c.publish(ctx, p.volume, p.name); err != nil {
		return err
	}
	if err := c.furnish(ctx, p); err != nil {
		return err
	}
	target := c.target(p.volume, p.name)
	// The caller's context would kill the workload. The pod ends by SIGTERM, and at the latest with the lab.
	p.cmd = c.machine().Command(context.WithoutCancel(ctx), c.workload, "pod", target, p.propagation, p.name, target+scratch, target+sub)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.lab.LogDir(), p.name+".log"))
	if err != nil {
		return err
	}
	p.cmd.Stderr = log
	if err := errors.Join(p.cmd.Start(), log.Close()); err != nil {
		return err
	}
	p.App = apps.Follow(p.name, out, p.cmd.Wait)
	return nil
}

// finish ends the workload, which then counts its records, and returns its last status.
func (p *pod) finish(ctx context.Context) (tally.Status, error) {
	if err := lab.Signal(p.cmd, syscall.SIGTERM); err != nil {
		return tally.Status{}, err
	}
	return p.Finish(ctx)
}

func (p *pod) kill() error {
	if !p.Running() {
		return nil
	}
	err := lab.Signal(p.cmd, syscall.SIGKILL)
	select {
	case <-p.Ended():
	case <-time.After(5 * time.Second): // an uninterruptible request ends with the lab
	}
	return err
}

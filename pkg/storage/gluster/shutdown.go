package gluster

import (
	"context"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// shutDown ends the bricks and all other processes that glusterd has left behind, and then unmounts the bricks. glusterd must
// have ended before.
func (n *node) shutDown(ctx context.Context) {
	n.endChildren(ctx)
	n.mounter.unmountAll(ctx, filepath.Join(n.config.RunDir, "snaps"))
}

// childrenTick is the interval at which the remaining processes are listed.
const childrenTick = 50 * time.Millisecond

// endChildren ends all children. The children of a process that ends become children of this process, and are signalled then.
func (n *node) endChildren(ctx context.Context) {
	logger := klog.FromContext(ctx)
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{syscall.SIGTERM, n.limits.bricksEnd}, {syscall.SIGKILL, n.limits.killed}} {
		remaining, err := n.signalAll(ctx, step.signal, step.limit)
		if err != nil {
			logger.Error(err, "Cannot end the bricks")
			return
		}
		if len(remaining) == 0 {
			return
		}
		for _, c := range remaining {
			logger.Info("A process has not ended", "name", c.name, "pid", c.pid, "signal", step.signal.String(), "after", step.limit.String())
		}
	}
}

// signalAll sends each child the signal once, and returns the children that remain after the limit.
func (n *node) signalAll(ctx context.Context, signal syscall.Signal, limit time.Duration) (remaining []child, err error) {
	logger := klog.FromContext(ctx)
	signalled := map[int]bool{}
	for deadline := time.Now().Add(limit); ; time.Sleep(childrenTick) {
		remaining, err = n.runner.Children()
		if err != nil || len(remaining) == 0 || !time.Now().Before(deadline) {
			return remaining, err
		}
		for _, c := range remaining {
			if signalled[c.pid] {
				continue
			}
			signalled[c.pid] = true
			logger.Info("Ending a process", "name", c.name, "pid", c.pid, "signal", signal.String())
			if err := n.runner.Signal(c.pid, signal); err != nil {
				logger.Error(err, "Cannot end a process", "name", c.name)
			}
		}
	}
}

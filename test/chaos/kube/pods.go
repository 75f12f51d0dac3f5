package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
)

// pod runs the workload with the volume of a claim.
type pod struct {
	name, claim, node string
	propagation       string // of its mount, in the words of Kubernetes

	*apps.App
	stop context.CancelFunc // ends the reading of the pod's statuses
}

// start starts a pod. Its statuses go to a file, because a container's output goes through containerd, which is killed in rounds.
func (r *Rig) start(ctx context.Context, p *pod) error {
	path := filepath.Join(r.statuses, p.name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.App = apps.Follow(p.name, growing{following, file}, file.Close)
	if err := r.cluster.Apply(ctx, r.workload(p, p.name, "run")); err != nil {
		stop()
		return err
	}
	if _, err := r.kubectl(ctx, "wait", "--for=condition=Ready", patience, "pod/"+p.name); err != nil {
		stop()
		return err
	}
	return nil
}

// growing reads a file to which another process appends, until ctx ends and everything is read.
type growing struct {
	ctx  context.Context //nolint:containedctx // io.Reader has none
	file *os.File
}

func (g growing) Read(data []byte) (int, error) {
	for {
		// This is checked before the read, so that everything written until then is still read.
		ended := g.ctx.Err() != nil
		n, err := g.file.Read(data)
		if n > 0 || !errors.Is(err, io.EOF) || ended {
			return n, err
		}
		select {
		case <-g.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// live runs the life of a pod with the spare volume on node1: it is created, uses the volume, and is deleted.
func (r *Rig) live(ctx context.Context) error {
	const name = "spare"
	// "kubectl describe" shows the content of the termination log.
	const script = `fail() { echo "$1" >/dev/termination-log; exit 1; }
grep -q " /data fuse.glusterfs " /proc/mounts || fail "no volume is mounted at /data"
wrote=$(date)
echo "$wrote" >/data/life || fail "cannot write /data/life"
read=$(cat /data/life) || fail "cannot read /data/life"
test "$read" = "$wrote" || fail "/data/life has '$read' instead of '$wrote'"`
	err := r.cluster.Apply(ctx, shell(name, spare, script))
	if err == nil {
		_, err = r.kubectl(ctx, "wait", "--for=jsonpath={.status.phase}=Succeeded", patience, "pod/"+name)
	}
	if err != nil {
		described, _ := r.kubectl(context.WithoutCancel(ctx), "describe", "pod", name)
		err = fmt.Errorf("the life of a pod: %w\n%s", err, described)
	}
	_, deleteErr := r.kubectl(ctx, "delete", "pod", name, "--ignore-not-found", patience)
	return errors.Join(err, deleteErr)
}

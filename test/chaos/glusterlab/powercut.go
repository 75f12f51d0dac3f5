package glusterlab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// nodePowerCut switches the other client machine off while a pod there uses a volume that pods here also use. When the machine is
// back, the volume is mounted there again, as the kubelet does, and must have what the pod wrote.
func nodePowerCut(ctx context.Context, c *rig) (err error) {
	other, err := c.elsewhere()
	if err != nil {
		return err
	}
	v := &volume{Volume: c.used[1].Volume, name: "cut", staging: filepath.Join(other.dir(), "cut", "staging")}
	p := &pod{name: "cut-" + rand.Text(), volume: v, propagation: "private"}
	defer func() { err = errors.Join(err, other.close()) }()
	last, err := other.cutOff(ctx, p)
	awake := context.WithoutCancel(ctx) // otherwise the machine would stay off
	err = errors.Join(err, other.machine().Start(awake), other.plugin().Start(awake))
	if err == nil {
		err = other.afterBoot(ctx, p, last)
	}
	err = errors.Join(err, other.unfurnish(awake, p), other.unpublish(awake, v, p.name), other.unstage(awake, v), other.clientsAre(awake, 0))
	if beneath, walkErr := other.beneath(); beneath > 0 || walkErr != nil {
		err = errors.Join(err, fmt.Errorf("%d files lie beneath mount points of %s", beneath, other.machine().Name), walkErr)
	}
	return errors.Join(err, os.Remove(v.staging), os.Remove(filepath.Dir(v.staging)))
}

// cutOff starts a pod, lets it work, and switches the machine off. It returns the pod's last status.
func (c *rig) cutOff(ctx context.Context, p *pod) (tally.Status, error) {
	err := os.MkdirAll(p.volume.staging, 0o755)
	if err == nil {
		err = c.stage(ctx, p.volume)
	}
	if err == nil {
		err = c.start(ctx, p)
	}
	if err != nil {
		return tally.Status{}, errors.Join(err, c.machine().PowerCut(ctx))
	}
	c.pods = []*pod{p}
	err = apps.All{p.App}.Progress(ctx)
	sleep(ctx, 3*time.Second)
	if err := errors.Join(err, c.machine().PowerCut(ctx)); err != nil {
		return tally.Status{}, err
	}
	last, _ := p.Finish(ctx) // returns an error, because the pod was killed
	// Renamed files may have newer records, which the pod could no longer report.
	last.Workers = slices.DeleteFunc(last.Workers, func(w tally.Worker) bool { return w.Name == "renamed" || w.Name == "sub" })
	if last.Sum().Writes == 0 {
		return last, errors.New("the pod on the other node has written nothing")
	}
	return last, nil
}

// afterBoot checks that nothing is mounted on the machine, mounts the volume again, and verifies what the pod wrote.
func (c *rig) afterBoot(ctx context.Context, p *pod, last tally.Status) error {
	mounts, err := outside.Mounts(ctx, c.machine(), mountinfo.PrefixFilter(c.dir()))
	if err == nil && len(mounts) > 0 {
		err = fmt.Errorf("%s has %d mounts after its start, at %s and elsewhere", c.machine().Name, len(mounts), mounts[0].Mountpoint)
	}
	if err == nil {
		err = c.stage(ctx, p.volume)
	}
	if err == nil {
		err = c.publish(ctx, p.volume, p.name)
	}
	if err != nil {
		return err
	}
	status, err := c.count(ctx, filepath.Join(c.target(p.volume, p.name), p.name), last)
	for _, w := range status.Workers {
		if w.Lost > 0 {
			err = errors.Join(err, fmt.Errorf("%d of %d records of %s are lost after a power cut: %v", w.Lost, w.Writes, w.Name, w.Said))
		}
	}
	return err
}

package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
)

// killedAtOnce kills the given number of clients at once, including those of the pods.
func killedAtOnce(total int) func(context.Context, *rig) error {
	return func(ctx context.Context, c *rig) (err error) {
		more := c.handles(total - len(c.used))
		defer func() {
			err = errors.Join(err, each(more, func(v *volume) error { return c.withdraw(context.WithoutCancel(ctx), v) }))
		}()
		if err := each(more, func(v *volume) error { return c.provide(ctx, v) }); err != nil {
			return err
		}
		sleep(ctx, noticeTime)
		if err := c.killClients(ctx, append(slices.Clone(c.used), c.spare)...); err != nil { // all others have the same gluster volume
			return err
		}
		err = each(more, func(v *volume) error {
			return patiently(ctx, "use "+v.name, func(ctx context.Context) error { return c.use(ctx, c.target(v, "pod")) })
		})
		return errors.Join(err, c.Apps().Progress(ctx), c.startable(ctx))
	}
}

// handles returns volumes that all stand for the same gluster volume, the spare one, each with a separate client: many gluster
// volumes would need many bricks.
func (c *rig) handles(count int) []*volume {
	all := make([]*volume, count)
	for i := range all {
		name := fmt.Sprintf("handle-%d", i+1)
		all[i] = &volume{
			Volume: &csi.Volume{VolumeId: name, VolumeContext: map[string]string{
				"servers": c.spare.GetVolumeContext()["servers"], "volume": c.spare.gluster(),
			}},
			name: name, staging: filepath.Join(c.dir(), name, "staging"),
		}
	}
	return all
}

// each does something to all volumes, several at a time.
func each(volumes []*volume, do func(*volume) error) error {
	errs := make([]error, len(volumes))
	var group errgroup.Group
	group.SetLimit(4)
	for i, v := range volumes {
		group.Go(func() error {
			errs[i] = do(v)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// provide publishes a volume.
func (c *rig) provide(ctx context.Context, v *volume) error {
	if err := os.MkdirAll(v.staging, 0o755); err != nil {
		return err
	}
	if err := c.stage(ctx, v); err != nil {
		return err
	}
	return c.publish(ctx, v, "pod")
}

// withdraw undoes provide, even if provide failed halfway.
func (c *rig) withdraw(ctx context.Context, v *volume) error {
	err := errors.Join(c.unpublish(ctx, v, "pod"), c.unstage(ctx, v))
	return errors.Join(err, os.Remove(v.staging), os.Remove(filepath.Dir(v.staging)))
}

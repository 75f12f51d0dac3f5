package main

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// fuseIO uses one volume through both kinds of mounts, which exist at the same time and are used in turns.
func fuseIO(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.create(ctx, b.name("io"))
	if err != nil {
		return nil, err
	}
	mine, err := b.place("io")
	if err != nil {
		return nil, err
	}
	its, err := b.place("io-plain")
	if err != nil {
		return nil, err
	}
	var s samples
	for range b.runs(3) {
		both, err := b.useBoth(ctx, v, mine, its)
		if err != nil {
			return nil, err
		}
		s.add(both[0], both[1])
	}
	note := fmt.Sprintf("%d MiB written, synced and read, %d files of %d bytes written and read; both mounts in turns of %d MiB and %d files",
		chunks*chunk/mib, batches*batch, smallFile, chunk/mib, batch)
	return []row{newRow("fuse-io", "s", "plain mount -t glusterfs", s, same(), note)}, b.remove(ctx, v)
}

// useBoth mounts the volume both ways, and returns the seconds with the driver's mount and with the plain mount.
func (b *bench) useBoth(ctx context.Context, v *csi.Volume, mine, its place) ([]float64, error) {
	if err := b.stage(ctx, v, mine); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, v, mine); err != nil {
		return nil, err
	}
	if _, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, its.staging)); err != nil {
		return nil, err
	}
	answer, err := onMachine(ctx, b.lab.Node(1), "io", mine.target, its.staging)
	if err != nil {
		return nil, err
	}
	if _, err := timed(ctx, b.lab.Node(1), 1, []string{"umount", its.staging}); err != nil {
		return nil, err
	}
	if err := b.unpublish(ctx, v, mine); err != nil {
		return nil, err
	}
	if err := b.unstage(ctx, v, mine); err != nil {
		return nil, err
	}
	return answer.Both, b.quiet(ctx)
}

package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// mountUnmount measures one volume that is mounted and unmounted in turns.
func mountUnmount(ctx context.Context, b *bench) (rows []row, err error) {
	v, err := b.create(ctx, b.name("mount"))
	if err != nil {
		return nil, err
	}
	mine, err := b.place("ours")
	if err != nil {
		return nil, err
	}
	its, err := b.place("baseline")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(its.target, 0o755); err != nil {
		return nil, err
	}
	s, err := alternate(ctx, b.runs(10),
		func(ctx context.Context) ([]float64, error) { return b.lifeOurs(ctx, v, mine) },
		func(ctx context.Context) ([]float64, error) { return b.lifeScript(ctx, v, its) })
	if err != nil {
		return nil, err
	}
	return []row{
		newRow("mount", "s", "mount -t glusterfs, mount --bind", s[0], atMost(0.35), ""),
		newRow("unmount", "s", "umount, umount", s[1], atMost(1.2), ""),
	}, b.remove(ctx, v)
}

// lifeOurs stages, publishes, unpublishes and unstages a volume. It returns the durations of mounting and of unmounting.
func (b *bench) lifeOurs(ctx context.Context, v *csi.Volume, p place) ([]float64, error) {
	begin := time.Now()
	err := b.stage(ctx, v, p)
	if err == nil {
		err = b.publish(ctx, v, p)
	}
	mounted := clock(begin)
	if err != nil {
		return nil, err
	}
	begin = time.Now()
	err = b.unpublish(ctx, v, p)
	if err == nil {
		err = b.unstage(ctx, v, p)
	}
	unmounted := clock(begin)
	if err == nil {
		err = b.quiet(ctx)
	}
	return []float64{mounted, unmounted}, err
}

// lifeScript does the same with an administrator's commands.
func (b *bench) lifeScript(ctx context.Context, v *csi.Volume, p place) ([]float64, error) {
	mounted, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, p.staging), []string{"mount", "--bind", p.staging, p.target})
	if err != nil {
		return nil, err
	}
	unmounted, err := timed(ctx, b.lab.Node(1), 1, []string{"umount", p.target}, []string{"umount", p.staging})
	if err == nil {
		err = b.quiet(ctx)
	}
	return []float64{mounted.Seconds, unmounted.Seconds}, err
}

// mountCommand returns the mount command that Heketi gives users, with all servers.
func (b *bench) mountCommand(v *csi.Volume, path string) []string {
	servers := strings.Split(v.GetVolumeContext()["servers"], ",")
	return []string{
		"mount", "-t", "glusterfs", "-o", "backup-volfile-servers=" + strings.Join(servers[1:], ":"),
		servers[0] + ":/" + v.GetVolumeContext()["volume"], path,
	}
}

package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Options describes a lab.
type Options struct {
	Driver, Workload string // binaries
	Dir              string // of the lab
	Before65         bool   // refuse MOVE_MOUNT_BENEATH to the node plugin, as Linux before 6.5 does
	CgroupV2         bool   // show only cgroup v2 to the node plugin
	Out              io.Writer
}

// Run runs rounds on a lab and adds their results to a report. It always ends the lab.
func Run(ctx context.Context, o Options, wanted []Round, short bool, repeat int, result *report.Result) (err error) {
	l, err := lab.Up(ctx, lab.Options{
		Dir: o.Dir, Driver: o.Driver, Out: o.Out, EndWithCaller: true,
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
		// A client that hangs on purpose must not be killed before the end of its round.
		NodeArgs: []string{"--hung-client-limit=1h"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.End(o.Dir)) }()
	workload, err := filepath.Abs(o.Workload)
	if err != nil {
		return err
	}
	c := &rig{lab: l, at: 1, workload: workload, group: l.ClientCgroup(), before65: o.Before65, cgroupV2: o.CgroupV2}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("prepare the volumes and pods: %w; logs are in %s", err, l.LogDir())
	}
	for range repeat {
		result.Rounds = append(result.Rounds, rounds.All(ctx, c, wanted, short, o.Out)...)
	}
	if ctx.Err() == nil {
		result.Ends = append(result.Ends, c.end(ctx))
	}
	return ctx.Err()
}

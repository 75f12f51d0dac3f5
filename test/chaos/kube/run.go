package kube

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// Options describes a cluster.
type Options struct {
	Dir    string // of the lab
	Tools  string // the programs of Kubernetes
	Images string
	Out    io.Writer
}

// Run runs rounds on a Kubernetes and adds their results to a report. It always ends the Kubernetes.
func Run(ctx context.Context, o Options, wanted []Round, short bool, repeat int, result *report.Result) (err error) {
	c, err := kubernetes.UpWithLab(ctx,
		lab.Options{Dir: o.Dir, Out: o.Out, EndWithCaller: true, HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"}},
		kubernetes.Options{Tools: o.Tools, Images: []string{o.Images}, Out: o.Out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.End(o.Dir)) }()
	d, err := driver.On(c, ".")
	if err == nil {
		err = d.Install(ctx)
	}
	if err != nil {
		return err
	}
	r, err := Begin(ctx, c, d, o.Images)
	if err != nil {
		return fmt.Errorf("prepare the volumes and pods: %w; logs are in %s", err, c.Lab().LogDir())
	}
	for range repeat {
		result.Rounds = append(result.Rounds, rounds.All(ctx, r, wanted, short, o.Out)...)
	}
	if ctx.Err() == nil {
		result.Ends = append(result.Ends, r.End(ctx))
	}
	return ctx.Err()
}

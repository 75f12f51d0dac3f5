// Command chaos tests the driver's promise that nothing which happens to the node plugin affects an application. Pods use
// volumes, with files and a database open for the whole run. Meanwhile chaos kills, restarts, replaces and starves the processes
// around them, one round after the other: first on a lab (package lab), then on a Kubernetes (package lab/kubernetes), which it
// starts and ends. It prints a table, and exits with an error if a criterion is not met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/glusterlab"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/kube"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("chaos", run) }

// options are the command line.
type options struct {
	glusterlab.Options
	kubernetes kube.Options
	out        string
	choice     rounds.Choice
	repeat     int
	upgrade    time.Duration
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	onLab, onKubernetes := glusterlab.Rounds(), kube.Rounds(o.upgrade)
	if err := o.choice.Check(slices.Concat(rounds.Names(onLab), rounds.Names(onKubernetes))); err != nil {
		return err
	}
	begin := time.Now()
	result := report.Result{Before65: o.Before65, CgroupV2: o.CgroupV2}
	if wanted := rounds.Chosen(o.choice, onLab); len(wanted) > 0 {
		err = glusterlab.Run(ctx, o.Options, wanted, o.choice.Short, o.repeat, &result)
	}
	if wanted := rounds.Chosen(o.choice, onKubernetes); len(wanted) > 0 && err == nil {
		err = kube.Run(ctx, o.kubernetes, wanted, o.choice.Short, o.repeat, &result)
	}
	if ctx.Err() != nil || len(result.Rounds) == 0 {
		return errors.Join(err, ctx.Err())
	}
	result.Seconds = time.Since(begin).Seconds()
	if err := errors.Join(err, result.Write(o.out)); err != nil {
		return err
	}
	result.Print(os.Stdout)
	fmt.Printf("\n%s in all; the report is in %s\n", time.Since(begin).Round(time.Second), o.out)
	return result.Err()
}

func parse(args []string) (options, error) {
	o := options{Options: glusterlab.Options{Out: os.Stdout}, kubernetes: kube.Options{Out: os.Stdout}}
	build := func(elem ...string) string { return filepath.Join(append([]string{"build"}, elem...)...) }
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.Driver, "driver", build("bin", "glusterfs-csi"), "the driver's binary, on the lab")
	flags.StringVar(&o.Workload, "workload", build("bin", "chaos-workload"), "the workload's binary, static, on the lab")
	flags.StringVar(&o.Dir, "lab", build("lab-chaos"), "directory of the lab")
	flags.StringVar(&o.kubernetes.Dir, "kubernetes", build("e2e-chaos"), "directory of the lab that Kubernetes runs in")
	flags.StringVar(&o.kubernetes.Tools, "tools", "", "directory of the programs of Kubernetes, as test/e2e/kubernetes/build.sh prints it")
	flags.StringVar(&o.kubernetes.Images, "images", build("images"), "directory of the images for Kubernetes")
	flags.StringVar(&o.out, "out", build("chaos.json"), "file for the report, as JSON")
	flags.StringVar(&o.choice.Only, "only", "", "comma-separated names of rounds, also patterns; all by default")
	flags.BoolVar(&o.choice.Short, "short", false, "only rounds on the lab that leave the bricks alone, each with a hung client only: two minutes")
	flags.IntVar(&o.repeat, "repeat", 1, "how often all rounds are run")
	flags.BoolVar(&o.Before65, "before-6.5", false, "refuse MOVE_MOUNT_BENEATH to the node plugin of the lab, as Linux before 6.5 does")
	flags.BoolVar(&o.CgroupV2, "cgroup-v2", false, "show only cgroup v2 to the node plugin of the lab; if v1 has the memory controller, clients then have no memory limits")
	flags.DurationVar(&o.upgrade, "upgrade", time.Hour, "duration of the round upgrade-*")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, err
}

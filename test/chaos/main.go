// Command chaos holds the driver to its promise that nothing which happens to the node plugin reaches an application. On a lab of
// its own (package lab) it lets pods use volumes, with files and a database open for the whole run, and meanwhile kills, restarts
// and starves what is around them, one round after the other. It ends with a table, and with an error when a criterion is not met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("chaos", run) }

// options are the command line.
type options struct {
	driver, workload, dir, out string
	only                       string
	short                      bool
	repeat                     int
	before65                   bool
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	wanted, err := choose(o.only, o.short)
	if err != nil {
		return err
	}
	begin := time.Now()
	result, err := onLab(ctx, o, wanted)
	if ctx.Err() != nil || len(result.Rounds) == 0 {
		return errors.Join(err, ctx.Err())
	}
	result.Seconds = time.Since(begin).Seconds()
	result.Before65 = o.before65
	if err := errors.Join(err, result.write(o.out)); err != nil {
		return err
	}
	result.print(os.Stdout)
	fmt.Printf("\n%s in all; the report is in %s\n", time.Since(begin).Round(time.Second), o.out)
	return result.err()
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.driver, "driver", filepath.Join("build", "bin", "glusterfs-csi"), "the driver's binary")
	flags.StringVar(&o.workload, "workload", filepath.Join("build", "bin", "chaos-workload"), "the workload's binary, static")
	flags.StringVar(&o.dir, "lab", filepath.Join("build", "lab-chaos"), "directory of the lab")
	flags.StringVar(&o.out, "out", filepath.Join("build", "chaos.json"), "where the report goes, as JSON")
	flags.StringVar(&o.only, "only", "", "comma-separated names of rounds, also patterns; all by default")
	flags.BoolVar(&o.short, "short", false, "only rounds that leave the bricks alone, each with a hung client only: two minutes")
	flags.IntVar(&o.repeat, "repeat", 1, "how often all rounds are run")
	flags.BoolVar(&o.before65, "before-6.5", false, "refuse MOVE_MOUNT_BENEATH to the node plugin, as Linux before 6.5 does")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, err
}

// onLab runs the rounds on a lab, which is ended whatever happens.
func onLab(ctx context.Context, o options, wanted []round) (result result, err error) {
	group := fmt.Sprintf("chaos-%d", os.Getpid()) // of this run alone: another lab may use the driver's default
	l, err := lab.Up(ctx, lab.Options{
		Dir: o.dir, Driver: o.driver, Out: os.Stdout, EndWithCaller: true,
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
		NodeArgs:  []string{"--client-cgroup=" + group},
	})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, lab.End(o.dir), removeCgroups(group)) }()
	workload, err := filepath.Abs(o.workload)
	if err != nil {
		return result, err
	}
	c := &chaos{lab: l, workload: workload, group: group, before65: o.before65}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.begin(ctx); err != nil {
		return result, fmt.Errorf("prepare the volumes and pods: %w; logs are in %s", err, l.LogDir())
	}
	for range o.repeat {
		for _, r := range wanted {
			for _, hung := range r.withHung(o.short) {
				row := c.round(ctx, r, hung)
				if ctx.Err() != nil {
					return result, ctx.Err()
				}
				fmt.Println(strings.Join(append([]string{"chaos: " + strings.Join(row.cells(), "  ")}, append(row.Faults, row.Said...)...), "\n    "))
				result.Rounds = append(result.Rounds, row)
			}
		}
	}
	result.End = c.end(ctx)
	return result, ctx.Err()
}

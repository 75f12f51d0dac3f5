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
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/glusterlab"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("chaos", run) }

// options are the command line.
type options struct {
	glusterlab.Options
	out    string
	choice rounds.Choice
	repeat int
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := o.choice.Check(rounds.Names(glusterlab.Rounds())); err != nil {
		return err
	}
	begin := time.Now()
	result := report.Result{Before65: o.Before65}
	err = glusterlab.Run(ctx, o.Options, rounds.Chosen(o.choice, glusterlab.Rounds()), o.choice.Short, o.repeat, &result)
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
	o := options{Options: glusterlab.Options{Out: os.Stdout}}
	build := func(elem ...string) string { return filepath.Join(append([]string{"build"}, elem...)...) }
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.Driver, "driver", build("bin", "glusterfs-csi"), "the driver's binary, on the lab")
	flags.StringVar(&o.Workload, "workload", build("bin", "chaos-workload"), "the workload's binary, static, on the lab")
	flags.StringVar(&o.Dir, "lab", build("lab-chaos"), "directory of the lab")
	flags.StringVar(&o.out, "out", build("chaos.json"), "where the report goes, as JSON")
	flags.StringVar(&o.choice.Only, "only", "", "comma-separated names of rounds, also patterns; all by default")
	flags.BoolVar(&o.choice.Short, "short", false, "only rounds on the lab that leave the bricks alone, each with a hung client only: two minutes")
	flags.IntVar(&o.repeat, "repeat", 1, "how often all rounds are run")
	flags.BoolVar(&o.Before65, "before-6.5", false, "refuse MOVE_MOUNT_BENEATH to the node plugin of the lab, as Linux before 6.5 does")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, err
}

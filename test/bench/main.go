// Command bench measures the driver against what an administrator would use in its place, on a lab of its own (package
// lab): pairs of runs, ours and the baseline, in alternating order, so that whatever else the machine does meets both.
//
// Ours is measured as an orchestrator sees it: gRPC calls from the host to the driver's sockets. A baseline that is a
// command is timed on the machine where it runs, from its start to its end, without the way there. Every run leaves
// nothing behind: the volumes, mounts and clients that it made are gone before the next one begins.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 2 && args[0] == "inside" { // started by this program on one of the lab's machines
		return inside(ctx, args[1], args[2:], os.Stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	driver := flags.String("driver", filepath.Join("build", "bin", "glusterfs-csi"), "the driver's binary, stripped")
	dir := flags.String("lab", filepath.Join("build", "lab-bench"), "directory of the benchmark's own lab")
	out := flags.String("out", filepath.Join("build", "bench.json"), "where the figures go, as JSON")
	only := flags.String("only", "", "comma-separated names of rows; all by default")
	pairs := flags.Int("pairs", 0, "number of pairs instead of 10 (3 for create-parallel and fuse-io)")
	if err := flags.Parse(args); err != nil {
		return errors.New("see above")
	}
	wanted, err := choose(*only)
	if err != nil {
		return err
	}
	begin := time.Now()
	rows, err := measure(ctx, *driver, *dir, *pairs, wanted)
	if err != nil {
		return err
	}
	if err := writeJSON(*out, rows); err != nil {
		return err
	}
	printTable(os.Stdout, rows)
	fmt.Printf("\n%s in all; the figures are in %s\n", time.Since(begin).Round(time.Second), *out)
	return nil
}

// family is a group of rows that are measured together.
type family struct {
	names []string
	run   func(context.Context, *bench) ([]row, error)
}

func families() []family {
	return []family{
		{[]string{"create", "delete"}, createDelete},
		{[]string{"create-parallel"}, createParallel},
		{[]string{"mount", "unmount"}, mountUnmount},
		{[]string{"rss-idle", "cpu-idle"}, idle},
		{[]string{"binary-size"}, binarySize},
		{[]string{"fuse-io"}, fuseIO},
		// Last, because Heketi places no bricks for up to two minutes on a node that it found broken.
		{[]string{"mount-first-server-refuses", "mount-first-server-silent"}, firstServer},
	}
}

// choose returns the families that have one of the rows in a comma-separated list.
func choose(only string) ([]family, error) {
	if only == "" {
		return families(), nil
	}
	var chosen []family
	var known []string
	asked := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		asked[strings.TrimSpace(name)] = true
	}
	for _, f := range families() {
		take := false
		for _, name := range f.names {
			take = take || asked[name]
			known = append(known, name)
			delete(asked, name)
		}
		if take {
			chosen = append(chosen, f)
		}
	}
	for name := range asked {
		return nil, fmt.Errorf("-only: there is no row %q; there are %s", name, strings.Join(known, ", "))
	}
	return chosen, nil
}

// measure runs the families on a lab, which is ended whatever happens.
func measure(ctx context.Context, driver, dir string, pairs int, wanted []family) (rows []row, err error) {
	l, err := lab.Up(ctx, lab.Options{Dir: dir, Driver: driver, Out: os.Stdout, EndWithCaller: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, l.Down(ctx))
	}()
	b := &bench{lab: l, driver: driver, pairs: pairs}
	closeAll, err := b.connect()
	if err != nil {
		return nil, err
	}
	defer closeAll()
	for _, f := range wanted {
		begin := time.Now()
		measured, err := f.run(ctx, b)
		if ctx.Err() != nil {
			return nil, errors.New("interrupted; the lab has ended")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w; logs are in %s", strings.Join(f.names, " and "), err, l.LogDir())
		}
		fmt.Printf("bench: %-44s %5.0f s\n", strings.Join(f.names, ", "), time.Since(begin).Seconds())
		rows = append(rows, measured...)
	}
	return rows, nil
}

// Command bench compares the driver with what an administrator would use instead, on a lab that it starts (package lab). It runs
// pairs, the driver and the baseline, in alternating order, so that other load on the machine affects both. Costs that grow with
// the number of volumes are measured without that lab, on a Heketi with a mock executor and its database in memory: in a real
// cluster, gluster's share of the time would hide Heketi's and the driver's.
//
// The driver is measured as an orchestrator uses it: with gRPC calls from the host to the driver's sockets. A baseline that is a
// command is timed on the machine where it runs, from its start to its end, without the connection to the machine. Every run
// cleans up: the volumes, mounts and clients that it made are gone before the next one begins.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
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
	only := flags.String("only", "", "comma-separated names of rows, also patterns such as *-at-*; all by default")
	plot := flags.String("plot", "", "draw the figures of this JSON file, as SVG images beside it, and measure nothing")
	pairs := flags.Int("pairs", 0, "number of pairs instead of each row's usual one, which is 3 to 20")
	if err := flags.Parse(args); err != nil {
		return errors.New("see above")
	}
	if *plot != "" {
		return plots(*plot)
	}
	wanted, err := choose(*only)
	if err != nil {
		return err
	}
	begin := time.Now()
	rows, err := measure(ctx, *driver, *dir, *pairs, wanted)
	if len(rows) == 0 {
		return err
	}
	// The measurements before a failure are kept.
	err = errors.Join(err, writeJSON(*out, rows), plots(*out))
	printTable(os.Stdout, rows)
	fmt.Printf("\n%s in all; the figures are in %s, and plots of them beside it\n", time.Since(begin).Round(time.Second), *out)
	return err
}

// family is a group of rows that are measured together.
type family struct {
	names []string
	onLab bool // needs real servers
	run   func(context.Context, *bench) ([]row, error)
}

func families() []family {
	return []family{
		// These come first, while no lab runs beside them.
		scaleAt(10), scaleAt(1000), scaleAt(largest), manyCallers(),
		{[]string{"binary-size"}, false, binarySize},
		{[]string{"create", "delete"}, true, createDelete},
		{[]string{"create-parallel"}, true, createParallel},
		{[]string{"mount", "unmount"}, true, mountUnmount},
		{[]string{"rss-idle", "cpu-idle"}, true, idle},
		{[]string{"fuse-io"}, true, fuseIO},
		{[]string{"plugin-restart"}, true, pluginRestart},
		{[]string{"stage-100", "stage-100-memory"}, true, stageMany},
		{[]string{"publish-many"}, true, publishMany},
		{[]string{"heal", "heal-under-load"}, true, heal},
		{[]string{"nested-mount-gap"}, true, nestedMountGap},
		{[]string{"rpc-with-dead-mounts"}, true, rpcWithDeadMounts},
		{[]string{"idle-watch"}, true, idleWatch},
		{[]string{"client-memory"}, true, clientMemory},
		smallFilesFamily(), largeFilesFamily(),
		// These come last, because for up to two minutes Heketi places no bricks on a node that it found broken.
		{[]string{"mount-first-server-refuses", "mount-first-server-silent"}, true, firstServer},
	}
}

// choose returns the families with a row whose name matches one of a comma-separated list of patterns.
func choose(only string) ([]family, error) {
	if only == "" {
		return families(), nil
	}
	patterns := strings.Split(only, ",")
	matched := make([]bool, len(patterns))
	var chosen []family
	var known []string
	for _, f := range families() {
		take := false
		for _, name := range f.names {
			known = append(known, name)
			for i, pattern := range patterns {
				if ok, err := path.Match(strings.TrimSpace(pattern), name); ok && err == nil {
					take, matched[i] = true, true
				}
			}
		}
		if take {
			chosen = append(chosen, f)
		}
	}
	if i := slices.Index(matched, false); i >= 0 {
		return nil, fmt.Errorf("-only: there is no row %q; there are %s", patterns[i], strings.Join(known, ", "))
	}
	return chosen, nil
}

// measure runs the families, on a lab if they need it. It always ends the lab.
func measure(ctx context.Context, driver, dir string, pairs int, wanted []family) (rows []row, err error) {
	b := &bench{driver: driver, dir: dir, pairs: pairs}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, b.down(ctx))
	}()
	for _, f := range wanted {
		if f.onLab {
			if err := b.up(ctx); err != nil {
				return rows, err
			}
		}
		begin := time.Now()
		measured, err := f.run(ctx, b)
		if ctx.Err() != nil {
			return rows, errors.New("interrupted; all that was started has ended")
		}
		if err != nil {
			return rows, fmt.Errorf("%s: %w; logs are in %s", strings.Join(f.names, " and "), err, b.logs(f))
		}
		fmt.Printf("bench: %-44s %5.0f s\n", strings.Join(f.names, ", "), time.Since(begin).Seconds())
		rows = append(rows, measured...)
	}
	return rows, nil
}

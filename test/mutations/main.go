// Command mutations changes the code below pkg/ in thousands of small ways, one at a time, and runs the unit tests that reach the
// change: a mutant that no test notices shows a missing test. All mutants are compiled at once (see package switches), so that
// each costs only a run of a few tests.
//
// test/mutations/survivors.txt lists survivors, each with the reason why no test can notice it or needs to. The command fails for
// any other survivor.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// options are the command's flags.
type options struct {
	sample int
	seed   uint64
	only   string
}

func main() {
	if len(os.Args) > 4 && os.Args[1] == fenced {
		fmt.Fprintln(os.Stderr, enter(os.Args[2], os.Args[3], os.Args[4], os.Args[5:]))
		os.Exit(noFence)
	}
	var o options

	flag.IntVar(&o.sample, "sample", 0, "run only so many mutants, chosen by -seed; 0 runs all of them")
	flag.Uint64Var(&o.seed, "seed", 1, "which sample")
	flag.StringVar(&o.only, "only", "", "run all mutants whose file or key has this prefix, for example pkg/mount/")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// workers returns the number of tests that run concurrently; many tests only wait.
func workers() int { return 2 * runtime.GOMAXPROCS(0) }

func run(ctx context.Context, out io.Writer, o options) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	listed, err := readKnown(filepath.Join(root, "test/mutations/survivors.txt"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	packages, err := list(ctx, root, "./pkg/...", "./cmd/...")
	if err != nil {
		return err
	}
	mutants, suites, unbuilt, err := build(ctx, root, dir, packages)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d mutants, and %d that do not compile; built in %.0f s\n", len(mutants), unbuilt, time.Since(began).Seconds())
	began = time.Now()
	if err := learn(ctx, dir, suites, len(mutants)); err != nil {
		return err
	}
	fmt.Fprintf(out, "the tests pass without mutants: %.0f s\n", time.Since(began).Seconds())
	began = time.Now()
	chosen := o.choose(out, mutants)
	results := make([]result, len(chosen))
	g, groupCtx := errgroup.WithContext(ctx)
	g.SetLimit(workers())
	var done atomic.Int64
	for i, m := range chosen {
		g.Go(func() (err error) {
			results[i], err = hunt(groupCtx, dir, suites, m, len(mutants))
			if n := done.Add(1); n%500 == 0 {
				fmt.Fprintf(out, "%d of %d mutants run\n", n, len(chosen))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d mutants run in %.0f s\n", len(chosen), time.Since(began).Seconds())
	return report(out, results, mutants, listed)
}

// choose returns the mutants to run.
func (o options) choose(out io.Writer, mutants []mutant) []mutant {
	if o.only != "" {
		return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return !strings.HasPrefix(m.key(), o.only) })
	}
	if o.sample <= 0 || o.sample >= len(mutants) {
		return mutants
	}
	fmt.Fprintf(out, "a sample of %d, -seed %d\n", o.sample, o.seed)
	chosen := slices.Clone(mutants)
	rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	chosen = chosen[:o.sample]
	slices.SortFunc(chosen, func(a, b mutant) int { return a.id - b.id })
	return chosen
}

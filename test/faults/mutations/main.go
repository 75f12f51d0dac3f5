// Command mutations tests the tests: it disables the driver's rules one after the other, and for each runs the schedules of
// package faults until one fails, or the unit tests that check the rule. A disabled rule that no test notices is a failure of the
// tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/faults"
)

func main() {
	var o options
	flag.IntVar(&o.schedules, "schedules", 300, "how many schedules a mutant may survive")
	flag.StringVar(&o.only, "only", "", "run only the mutant of this name")
	flag.BoolVar(&o.unit, "unit", false, "run only the mutants that unit tests notice")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	schedules int
	only      string
	unit      bool
}

func (o options) run(ctx context.Context, out io.Writer) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	survivors, err := o.runTests(ctx, out, root, dir)
	if err == nil && !o.unit {
		var more []string
		more, err = o.runSchedules(ctx, out, root, dir)
		survivors = append(survivors, more...)
	}
	if err == nil && len(survivors) > 0 {
		err = fmt.Errorf("nothing noticed the absence of %s", strings.Join(survivors, ", "))
	}
	return err
}

// runSchedules returns the names of the mutants that no schedule detects.
func (o options) runSchedules(ctx context.Context, out io.Writer, root, dir string) (survivors []string, err error) {
	sound, err := Mutant{Name: "none"}.builtIn(ctx, root, filepath.Join(dir, "none"))
	if err != nil {
		return nil, err
	}
	for _, m := range mutants() {
		if o.only != "" && m.Name != o.only {
			continue
		}
		began := time.Now()
		caught, err := m.hunt(ctx, root, dir, sound, o.schedules)
		if err != nil {
			return nil, err
		}
		if caught == nil {
			survivors = append(survivors, m.Name)
			fmt.Fprintf(out, "SURVIVED %s: %s (%d schedules, %.0f s)\n", m.Name, m.Rule, o.schedules, time.Since(began).Seconds())
			continue
		}
		fmt.Fprintf(out, "caught   %s: %s\n         by seed %d after %.0f s\n", m.Name, m.Rule, caught.Seed, time.Since(began).Seconds())
		for _, violation := range caught.Violations {
			fmt.Fprintf(out, "         %.200s\n", violation)
		}
	}
	return survivors, nil
}

// runTests returns the names of the mutants that no unit test detects.
func (o options) runTests(ctx context.Context, out io.Writer, root, dir string) (survivors []string, err error) {
	for _, m := range testMutants() {
		if o.only != "" && m.Name != o.only {
			continue
		}
		began := time.Now()
		caught, output, err := m.hunt(ctx, root, dir)
		if err != nil {
			return nil, err
		}
		if !caught {
			survivors = append(survivors, m.Name)
			fmt.Fprintf(out, "SURVIVED %s: %s (%s of %s)\n%s", m.Name, m.Rule, m.Tests, m.Package, output)
			continue
		}
		fmt.Fprintf(out, "caught   %s: %s\n         by %s of %s after %.0f s\n", m.Name, m.Rule, m.Tests, m.Package, time.Since(began).Seconds())
	}
	return survivors, nil
}

func (m Mutant) builtIn(ctx context.Context, root, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return m.build(ctx, root, dir)
}

// hunt runs schedules on a mutant until one fails. The same schedule has to pass on the unchanged driver.
func (m Mutant) hunt(ctx context.Context, root, dir, sound string, schedules int) (*faults.ScheduleError, error) {
	driver, err := m.builtIn(ctx, root, filepath.Join(dir, m.Name))
	if err != nil {
		return nil, err
	}
	seeds := make([]uint64, schedules)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	const workers = 4
	err = faults.Run(ctx, faults.Config{
		Driver: driver, Dir: filepath.Join(dir, m.Name), Seeds: seeds, Workers: workers, Log: io.Discard,
	})
	caught, ok := errors.AsType[*faults.ScheduleError](err)
	if !ok {
		return nil, err
	}
	err = faults.Run(ctx, faults.Config{
		Driver: sound, Dir: filepath.Join(dir, m.Name, "sound"), Seeds: []uint64{caught.Seed}, Workers: workers, Log: io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("mutant %s was caught by seed %d, which also fails without it: %w", m.Name, caught.Seed, err)
	}
	return caught, nil
}

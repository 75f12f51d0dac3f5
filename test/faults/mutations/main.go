// Command mutations shows that the schedules of package faults find what they are for: it disables the driver's rules
// one after the other, in a build of its own, and runs schedules until one fails. A rule whose absence nothing notices
// is a failure of the tests.
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
	schedules := flag.Int("schedules", 300, "how many schedules a mutant may survive")
	only := flag.String("only", "", "run only the mutant of this name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *schedules, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, schedules int, only string) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sound, err := Mutant{Name: "none"}.builtIn(ctx, root, filepath.Join(dir, "none"))
	if err != nil {
		return err
	}
	var survivors []string
	for _, m := range mutants() {
		if only != "" && m.Name != only {
			continue
		}
		began := time.Now()
		caught, err := m.hunt(ctx, root, dir, sound, schedules)
		if err != nil {
			return err
		}
		if caught == nil {
			survivors = append(survivors, m.Name)
			fmt.Fprintf(out, "SURVIVED %s: %s (%d schedules, %.0f s)\n", m.Name, m.Rule, schedules, time.Since(began).Seconds())
			continue
		}
		fmt.Fprintf(out, "caught   %s: %s\n         by seed %d after %.0f s\n", m.Name, m.Rule, caught.Seed, time.Since(began).Seconds())
		for _, violation := range caught.Violations {
			fmt.Fprintf(out, "         %.200s\n", violation)
		}
	}
	if len(survivors) > 0 {
		return fmt.Errorf("nothing noticed the absence of %s", strings.Join(survivors, ", "))
	}
	return nil
}

func (m Mutant) builtIn(ctx context.Context, root, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return m.build(ctx, root, dir)
}

// hunt runs schedules on a mutant until one fails. The same schedule has to pass on a sound driver.
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

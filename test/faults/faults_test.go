package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The environment variables.
const (
	variableSchedules = "FAULT_SCHEDULES" // how many schedules, default 100
	variableSeed      = "FAULT_SEED"      // the first seed, default 1; with FAULT_SCHEDULES=1 it is replayed
	variableWorkers   = "FAULT_WORKERS"   // how many schedules run at a time
	variableDriver    = "FAULT_DRIVER"    // a driver to test instead of the one that is built from here
)

// TestSchedules runs the requested number of schedules and, unless one is replayed, the regressions.
func TestSchedules(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	first, count := number(t, variableSeed, 1), number(t, variableSchedules, 100)
	seeds := seedsFrom(first, count)
	t.Logf("%d schedules, seeds %d to %d and regressions; %s=N %s=1 replays one", len(seeds), first, first+count-1, variableSeed, variableSchedules)
	config := Config{
		Driver: buildDriver(t), Dir: t.TempDir(), Seeds: seeds, Workers: number(t, variableWorkers, 4), Log: t.Output(),
	}
	err := Run(ctx, config)
	if failure, ok := errors.AsType[*ScheduleError](err); ok {
		t.Fatalf("%s\n\n%v\n\nreplay with: %s=%d %s=1 go test -count=1 -run TestSchedules ./test/faults", failure.Trace, failure, variableSeed, failure.Seed, variableSchedules)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// seedsFrom returns the seeds of a run of count schedules: successive ones and, unless there is only one, the regressions.
func seedsFrom(first, count int) []uint64 {
	var seeds []uint64
	for i := range count {
		seeds = append(seeds, uint64(first+i))
	}
	if count == 1 {
		return seeds
	}
	for _, seed := range regressions() {
		if !slices.Contains(seeds, seed) {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

func TestSeeds(t *testing.T) {
	for _, test := range []struct{ first, count, want int }{
		{1, 100, 102},   // 126 and 206 besides
		{101, 900, 902}, // 12 and 22 besides
		{1, 1000, 1000},
		{7, 1, 1}, // a replay
		{1, 0, len(regressions())},
	} {
		seeds := seedsFrom(test.first, test.count)
		if len(seeds) != test.want || test.count > 0 && seeds[0] != uint64(test.first) {
			t.Errorf("from %d, %d: %d seeds, want %d: %v", test.first, test.count, len(seeds), test.want, seeds)
		}
		for _, seed := range regressions() {
			if test.count != 1 && !slices.Contains(seeds, seed) {
				t.Errorf("from %d, %d: without the regression %d", test.first, test.count, seed)
			}
		}
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		t.Fatalf("%s=%s: write a number", variable, value)
	}
	return n
}

func buildDriver(t *testing.T) string {
	t.Helper()
	if driver := os.Getenv(variableDriver); driver != "" {
		return driver
	}
	path := filepath.Join(t.TempDir(), "glusterfs-csi")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd/glusterfs-csi")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out))
	}
	return path
}

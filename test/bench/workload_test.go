package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWorkloads(t *testing.T) {
	for name, work := range workloads() {
		t.Run(name, func(t *testing.T) {
			dirs := []string{t.TempDir(), t.TempDir()}
			seconds, err := useByTurns(work, 2, dirs)
			if err != nil {
				t.Fatal(err)
			}
			for i, dir := range dirs {
				if len(seconds[i]) != len(partNames(work)) || slices.Min(seconds[i]) <= 0 {
					t.Errorf("seconds are %v for %q", seconds[i], partNames(work))
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("%v is left, %v", left, err)
				}
			}
		})
	}
}

// TestPartsTakeTurns: the parts of one list follow each other in each turn, and each is timed separately.
func TestPartsTakeTurns(t *testing.T) {
	var log []string
	does := func(name string, takes time.Duration) part {
		return part{name, func(_ *user, turn int) error {
			log = append(log, fmt.Sprint(name, turn))
			time.Sleep(takes)
			return nil
		}}
	}
	seconds, err := useByTurns([][]part{{does("a", 0)}, {does("b", 0), does("c", 20*time.Millisecond)}}, 2, []string{t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a0 a1 b0 c0 b1 c1"; strings.Join(log, " ") != want {
		t.Errorf("got %q, want %q", log, want)
	}
	if len(seconds[0]) != 3 || seconds[0][2] < 0.04 {
		t.Errorf("the seconds are %v, and the last part slept twice 0.02", seconds[0])
	}
}

func TestPartsStopAtAnError(t *testing.T) {
	full := errors.New("no space")
	_, err := useByTurns([][]part{{{"fill", func(*user, int) error { return full }}}}, 1, []string{t.TempDir()})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "fill") {
		t.Errorf("got %v", err)
	}
}

func TestProfileRows(t *testing.T) {
	u := usage{workload: "large-files", goals: map[string]goal{"": atMost(0.5), "read": atMost(0.1)}}
	measured := make([]parts, len(profiles()))
	for i := range measured {
		measured[i].add([]float64{1, 1, 1}, []float64{2, 2, 4})
	}
	rows := u.rows(measured, time.Millisecond)
	got := make([]string, 0, len(rows))
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s %.3f %s %s", r.Name, r.Ratio, r.Goal, r.Met))
	}
	want := []string{
		"large-files-1ms 0.375 <= 0.50 yes",
		"large-files-write-1ms 0.500 <= 1.10 yes",
		"large-files-read-1ms 0.500 <= 0.10 no",
		"large-files-change-1ms 0.250 <= 1.10 yes",
		"large-files-general-1ms 0.375 none to compare",
		"large-files-small-files-1ms 0.375 none to compare",
		"large-files-virtual-machines-1ms 0.375 none to compare",
		"large-files-database-1ms 0.375 none to compare",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows are %q, want %q", got, want)
	}
}

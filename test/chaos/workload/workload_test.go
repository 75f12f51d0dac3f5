package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// directory returns a directory for the workers. The mounts of a pod are beside it.
func directory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pod")
	for _, path := range []string{dir, scratchOf(dir), subOf(dir)} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// enough is the number of writes and of reads of each worker after which a run of the tests ends.
const enough = 3

// statuses keeps the statuses of a run, and ends the run once every worker has written and read enough.
type statuses struct {
	bytes.Buffer
	end context.CancelFunc
}

// Write is called with one status at a time.
func (s *statuses) Write(line []byte) (int, error) {
	var status tally.Status
	if err := json.Unmarshal(line, &status); err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(status.Workers, func(w tally.Worker) bool { return min(w.Writes, w.Reads) < enough }) {
		s.end()
	}
	return s.Buffer.Write(line)
}

// worked lets all workers use a directory until each has written and read enough, and returns their last status.
func worked(t *testing.T, dir string) tally.Status {
	t.Helper()
	t.Setenv(anywhere, "yes")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &statuses{end: cancel}
	if err := work(ctx, dir, out); err != nil {
		t.Fatal(err)
	}
	last, err := lastStatus(out)
	if err != nil {
		t.Fatal(err)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("some worker has not written and read %d records within a minute: %+v", enough, last)
	}
	return last
}

func TestNothingIsLost(t *testing.T) {
	last := worked(t, directory(t))
	if !last.Done || len(last.Workers) != len(kinds()) {
		t.Fatalf("the last status is %+v", last)
	}
	for _, w := range last.Workers {
		if w.Writes == 0 || w.Reads == 0 || w.Errors+w.Wrong+w.Beneath+w.Lost > 0 || len(w.Said) > 0 {
			t.Errorf("%+v", w)
		}
	}
}

func TestLossIsNoticed(t *testing.T) {
	for name, damage := range map[string]struct {
		worker string
		do     func(dir string) error
	}{
		"cut off":     {"held", func(dir string) error { return os.Truncate(filepath.Join(dir, "held"), recordSize) }},
		"other bytes": {"appended", func(dir string) error { return overwrite(filepath.Join(dir, "appended")) }},
		"file gone":   {"renamed", func(dir string) error { return os.Remove(filepath.Join(dir, "renamed", "1")) }},
		"older file": {"renamed", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "renamed", "0"), record(slots*1000), 0o600)
		}},
		"subPath's file gone":  {"sub", func(dir string) error { return os.Remove(filepath.Join(subOf(dir), "renamed", "1")) }},
		"emptyDir's file gone": {"scratch", func(dir string) error { return os.Remove(filepath.Join(scratchOf(dir), "1")) }},
		"database gone":        {"database", func(dir string) error { return os.Remove(filepath.Join(dir, "database")) }},
		"database damaged":     {"database", func(dir string) error { return overwrite(filepath.Join(dir, "database")) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := directory(t)
			last := worked(t, dir)
			if err := damage.do(dir); err != nil {
				t.Fatal(err)
			}
			for _, w := range verify(dir, last).Workers {
				if w.Lost > 0 != (w.Name == damage.worker) {
					t.Errorf("%s: %d records lost: %v", w.Name, w.Lost, w.Said)
				}
			}
		})
	}
}

// TestVerifyByFile: the status that verify appends is the last run's, with the number of lost records.
func TestVerifyByFile(t *testing.T) {
	dir, file := directory(t), filepath.Join(t.TempDir(), "statuses")
	if err := verifyIn(dir, []string{file}); err == nil {
		t.Error("records are verified without a status")
	}
	first, last := tally.Status{Workers: []tally.Worker{{Name: "held", Writes: 1}}}, worked(t, dir)
	out, err := appendTo(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []tally.Status{first, last} {
		if err := json.NewEncoder(out).Encode(status); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), os.Remove(filepath.Join(dir, "held")), verifyIn(dir, []string{file})); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	got, err := lastStatus(in)
	if want := last.Workers[0].Writes; err != nil || got.Workers[0].Lost != want || got.Sum().Lost != want {
		t.Errorf("%v, %+v, want that the records of %s are lost", err, got, last.Workers[0].Name)
	}
}

// overwrite changes bytes in the middle of a file.
func overwrite(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		copy(data[len(data)/2:], "damaged")
		err = os.WriteFile(path, data, 0o600)
	}
	return err
}

// TestBeneathIsNoticed uses a directory that is not on a volume, like the one under a mount point.
func TestBeneathIsNoticed(t *testing.T) {
	dir := t.TempDir()
	r := &turns{worker: &renamed{dir}}
	r.turn()
	if r.count.Beneath != 1 || r.count.Writes != 0 {
		t.Errorf("%+v", r.count)
	}
}

package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is a side whose figures count up.
func recorder(name string, log *[]string, next float64) side {
	return func(context.Context) ([]float64, error) {
		*log = append(*log, name)
		next++
		return []float64{next, next * 10}, nil
	}
}

func TestAlternate(t *testing.T) {
	var log []string
	rows, err := alternate(t.Context(), 3, recorder("ours", &log, 0), recorder("baseline", &log, 100))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ours", "baseline", "baseline", "ours", "ours", "baseline"}, log); diff != "" {
		t.Error("order: ", diff)
	}
	want := []samples{
		{[]float64{1, 2, 3}, []float64{101, 102, 103}},
		{[]float64{10, 20, 30}, []float64{1010, 1020, 1030}},
	}
	if diff := cmp.Diff(want, rows, cmp.AllowUnexported(samples{})); diff != "" {
		t.Error(diff)
	}
}

func TestAlternateStopsAtAnError(t *testing.T) {
	var log []string
	broken := errors.New("broken")
	fails := func(context.Context) ([]float64, error) { return nil, broken }
	_, err := alternate(t.Context(), 3, recorder("ours", &log, 0), fails)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "pair 1") {
		t.Errorf("got %v", err)
	}
	if len(log) != 1 {
		t.Errorf("went on after the error: %q", log)
	}
}

func TestFixed(t *testing.T) {
	var log []string
	rows, err := alternate(t.Context(), 2, recorder("ours", &log, 0), fixed(25, 0.06))
	if err != nil {
		t.Fatal(err)
	}
	if got := spreadOf(rows[1].baseline); got != (spread{0.06, 0.06, 0.06}) {
		t.Errorf("got %v", got)
	}
}

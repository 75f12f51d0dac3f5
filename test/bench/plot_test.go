package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedPlots: the images in docs/performance match the recorded figures.
func TestRecordedPlots(t *testing.T) {
	const recorded = "../../docs/performance/measured"
	data, err := os.ReadFile(recorded + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	images := draw(rows)
	if len(images) != 2 {
		t.Errorf("%d images, want 2", len(images))
	}
	for suffix, want := range images {
		if got, err := os.ReadFile(recorded + suffix); err != nil || string(got) != want {
			t.Errorf("%s%s is not of measured.json (make plots); %v", recorded, suffix, err)
		}
	}
}

func TestPlots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	three := samples{[]float64{1, 2, 4}, []float64{2, 2, 2}}
	rows := []row{
		newRow("met", "s", "a <baseline>", three, atMost(1), ""),
		newRow("missed", "s", "b", three, atMost(0.5), ""),
		newRow("create-at-10", "s", "c", three, noGoal(), ""),
		newRow("create-at-1000", "s", "c", three, toCompare(), ""),
		newRow("list-at-10", "s", "c", three, same(), ""), // one point does not make a curve
		newRow("rss-at-10", "MiB", "c", three, same(), ""),
	}
	if err := writeJSON(path, rows); err != nil {
		t.Fatal(err)
	}
	if err := plots(path); err != nil {
		t.Fatal(err)
	}
	ratios, volumes := readImage(t, strings.TrimSuffix(path, ".json")+"-ratios.svg"), readImage(t, strings.TrimSuffix(path, ".json")+"-volumes.svg")
	for text, want := range map[string]int{
		">met<": 1, ">missed<": 1, `r="4" fill="` + blue: 3, `r="4" fill="` + orange: 1, `r="4" fill="` + grey: 2,
		`stroke-opacity="0.4"`: 6, // ranges
		`stroke-width="2"`:     4, // goals
	} {
		if got := strings.Count(ratios, text); got != want {
			t.Errorf("%d times %s in the plot of ratios, want %d", got, text, want)
		}
	}
	for text, want := range map[string]int{"<polyline": 2, ">create<": 1, ">list<": 0, ">rss<": 0} {
		if got := strings.Count(volumes, text); got != want {
			t.Errorf("%d times %s in the plot over volumes, want %d", got, text, want)
		}
	}
}

func TestAxis(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		at     map[float64]float64
		ticks  int
	}{
		"several values": {[]float64{0.2, 30}, map[float64]float64{0.1: 0, 10: 200, 100: 300}, 4},
		"one value":      {[]float64{1}, map[float64]float64{1: 0, 10: 300}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAxis(0, 300, c.values)
			for value, want := range c.at {
				if got := a.at(value); math.Abs(got-want) > 0.01 {
					t.Errorf("%v is at %v, want %v", value, got, want)
				}
			}
			if got := len(a.ticks()); got != c.ticks {
				t.Errorf("%d ticks, want %d", got, c.ticks)
			}
		})
	}
}

func readImage(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(data)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return string(data)
		} else if err != nil {
			t.Fatalf("%s is no XML: %v", path, err)
		}
	}
}

// TestRecordedTable: the table of docs/performance.md has the ratios that are recorded beside it, in the same order.
func TestRecordedTable(t *testing.T) {
	data, err := os.ReadFile("../../docs/performance/measured.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(rows))
	for i, r := range rows {
		want[i] = r.Ratio
	}
	page, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| ratio | goal |\n|---|---|---|---|---|\n")
	var got []float64
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			break
		}
		ratio, err := strconv.ParseFloat(strings.TrimSpace(cells[4]), 64)
		if err != nil {
			t.Error(err)
		}
		got = append(got, ratio)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-), in the table (+):\n%s", diff)
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJSONHasTheAgreedForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "bench.json")
	s := samples{[]float64{1, 2, 3}, []float64{2, 4, 6}}
	if err := writeJSON(path, []row{newRow("create", "s", "heketi-cli volume create", s, atMost(0.95), "")}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{
		"name": "create", "unit": "s", "runs": 3.0,
		"ours":     map[string]any{"min": 1.0, "median": 2.0, "max": 3.0},
		"baseline": map[string]any{"name": "heketi-cli volume create", "min": 2.0, "median": 4.0, "max": 6.0},
		"ratio":    0.5, "ratios": map[string]any{"min": 0.5, "median": 0.5, "max": 0.5}, "goal": "<= 0.95", "met": "yes",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGoals(t *testing.T) {
	for name, c := range map[string]struct {
		goal  goal
		ratio float64
		want  string
	}{
		"at the limit":    {atMost(0.95), 0.95, "yes"},
		"above the limit": {atMost(0.95), 0.951, "no"},
		"within":          {same(), 1, "yes"},
		"too low":         {same(), 0.94, "no"},
		"too high":        {same(), 1.06, "no"},
		"without a limit": {noGoal(), 400, "see note"},
	} {
		t.Run(name, func(t *testing.T) {
			got := newRow("x", "s", "y", samples{[]float64{c.ratio}, []float64{1}}, c.goal, "").Met
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, []row{
		newRow("mount", "s", "mount -t glusterfs", samples{[]float64{0.02, 0.03}, []float64{0.1, 0.1}}, atMost(0.4), ""),
		newRow("rss-idle", "MiB", "25 MiB", samples{[]float64{30}, []float64{25}}, atMost(1), "of the larger one"),
	})
	want := `
| name     | unit | runs | ours: median (min-max) | baseline: median (min-max) | ratio | goal    | met | baseline is        |
|----------|------|------|------------------------|----------------------------|-------|---------|-----|--------------------|
| mount    | s    | 2    | 0.0250 (0.0200-0.0300) | 0.100                      | 0.250 | <= 0.40 | yes | mount -t glusterfs |
| rss-idle | MiB  | 1    | 30.0                   | 25.0                       | 1.20  | <= 1.00 | no  | 25 MiB             |

rss-idle: of the larger one

Goals missed: rss-idle
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

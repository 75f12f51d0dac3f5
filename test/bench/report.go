package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// row is one line of the result.
type row struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Runs     int      `json:"runs"`
	Ours     spread   `json:"ours"`
	Baseline baseline `json:"baseline"`
	Ratio    float64  `json:"ratio"`
	Ratios   spread   `json:"ratios,omitzero"` // of the pairs
	Goal     string   `json:"goal"`
	Met      string   `json:"met"` // yes, no, see note or to compare
	Note     string   `json:"note,omitempty"`
}

type baseline struct {
	Name string `json:"name"`
	spread
}

// goal is the limit of a ratio, as text and as a function that checks it.
type goal struct {
	text string
	met  func(ratio float64) bool
}

func atMost(limit float64) goal {
	return goal{fmt.Sprintf("<= %.2f", limit), func(ratio float64) bool { return ratio <= limit }}
}

// same is the goal of figures that must neither be slower nor, by an error of measurement, faster.
func same() goal {
	const low, high = 0.95, 1.05
	return goal{fmt.Sprintf("%.2f-%.2f", low, high), func(ratio float64) bool { return ratio >= low && ratio <= high }}
}

// noGoal returns the goal of figures without a meaningful limit: the note of their row says what they depend on.
func noGoal() goal { return goal{"near 1", nil} }

// toCompare returns the goal of a figure that only serves as a reference for others.
func toCompare() goal { return goal{"none", nil} }

func newRow(name, unit, against string, s samples, g goal, note string) row {
	ratios := s.ratios()
	ratio := ratios.Median
	met := "no"
	switch {
	case g.text == toCompare().text:
		met = "to compare"
	case g.met == nil:
		met = "see note"
	case g.met(ratio):
		met = "yes"
	}
	return row{
		Name: name, Unit: unit, Runs: len(s.ours), Ours: spreadOf(s.ours),
		Baseline: baseline{Name: against, spread: spreadOf(s.baseline)},
		Ratio:    ratio, Ratios: ratios, Goal: g.text, Met: met, Note: note,
	}
}

func writeJSON(path string, rows []row) error {
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// printTable writes a table for people, in a terminal or in a README.
func printTable(out io.Writer, rows []row) {
	cells := make([][]string, 1, 1+len(rows))
	cells[0] = []string{"name", "unit", "runs", "ours: median (min-max)", "baseline: median (min-max)", "ratio", "goal", "met", "baseline is"}
	var notes, missed []string
	for _, r := range rows {
		if r.Met == "no" {
			missed = append(missed, r.Name)
		}
		cells = append(cells, []string{
			r.Name, r.Unit, strconv.Itoa(r.Runs), r.Ours.String(), r.Baseline.String(), figure(r.Ratio), r.Goal, r.Met, r.Baseline.Name,
		})
		if r.Note != "" {
			notes = append(notes, r.Name+": "+r.Note)
		}
	}
	fmt.Fprintln(out)
	for i, line := range align(cells) {
		fmt.Fprintln(out, line)
		if i == 0 {
			fmt.Fprintln(out, separator(line))
		}
	}
	if len(notes) > 0 {
		fmt.Fprintln(out)
	}
	for _, note := range notes {
		fmt.Fprintln(out, note)
	}
	if len(missed) == 0 {
		fmt.Fprintln(out, "\nEvery goal is met.")
	} else {
		fmt.Fprintln(out, "\nGoals missed: "+strings.Join(missed, ", "))
	}
}

// align returns the lines of a table that is also Markdown.
func align(cells [][]string) []string {
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			width[i] = max(width[i], len(cell))
		}
	}
	lines := make([]string, 0, len(cells))
	for _, line := range cells {
		var b strings.Builder
		for i, cell := range line {
			fmt.Fprintf(&b, "| %-*s ", width[i], cell)
		}
		lines = append(lines, b.String()+"|")
	}
	return lines
}

func separator(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '|' {
			return r
		}
		return '-'
	}, line)
}

// String returns "0.031 (0.028-0.044)", or only the median if there is one figure.
func (s spread) String() string {
	if s.Min == s.Max {
		return figure(s.Median)
	}
	return fmt.Sprintf("%s (%s-%s)", figure(s.Median), figure(s.Min), figure(s.Max))
}

// figure formats a number with three significant digits.
func figure(f float64) string {
	switch {
	case f == 0:
		return "0"
	case math.Abs(f) >= 100:
		return fmt.Sprintf("%.0f", f)
	case math.Abs(f) >= 10:
		return fmt.Sprintf("%.1f", f)
	case math.Abs(f) >= 1:
		return fmt.Sprintf("%.2f", f)
	case math.Abs(f) >= 0.1:
		return fmt.Sprintf("%.3f", f)
	}
	return fmt.Sprintf("%.4f", f)
}

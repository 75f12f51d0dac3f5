package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// documented reads the tables of docs/conformance.md that have the columns "fast" and "slow". Each row begins with a reason in
// the suite's own words, in backquotes, or with the word passed.
func documented(t *testing.T, set string) suiteResult {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	result := suiteResult{reasons: map[string]int{}}
	column := -1
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch i := slices.Index(cells, set); {
		case !strings.HasPrefix(line, "|"):
			column = -1
		case i > 0:
			column = i
			continue
		}
		if column < 0 || strings.HasPrefix(cells[0], "---") {
			continue
		}
		count, err := strconv.Atoi(cells[column])
		if err != nil {
			t.Fatalf("docs/conformance.md: %q: %v", line, err)
		}
		if cells[0] == "passed" {
			result.passed = count
		} else if count > 0 {
			result.reasons[strings.Trim(cells[0], "`")] = count
		}
	}
	return result
}

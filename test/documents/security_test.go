package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWhatCannotBeDoneIsTried: for each actor of the threat model who cannot do something, docs/security.md names tests that try
// it, and these exist. Each attack test is among them.
func TestWhatCannotBeDoneIsTried(t *testing.T) {
	page := Page(t, "security.md")
	tried := map[string]bool{} // actors
	named := map[string]bool{} // tests
	for _, row := range table(t, page, "| actor | tries to | tests |") {
		tried[row[0]] = true
		if row[2] == "" {
			t.Errorf("%s: no test tries to %s", row[0], row[1])
		}
		for place := range strings.SplitSeq(row[2], "; ") {
			dir, names, _ := strings.Cut(place, ": ")
			tests := testsIn(t, strings.Trim(dir, "`"))
			for name := range strings.SplitSeq(names, ", ") {
				named[name] = true
				if !slices.Contains(tests, name) {
					t.Errorf("%s: %s has no test %q", row[0], dir, name)
				}
			}
		}
	}
	actors := table(t, page, "| actor | can | cannot | why |")
	for _, row := range actors {
		if row[2] != "" && !tried[row[0]] {
			t.Errorf("docs/security.md names no test of what cannot be done by: %s", row[0])
		}
		delete(tried, row[0])
	}
	for actor := range tried {
		t.Errorf("docs/security.md has tests of an actor who is not in the threat model: %s", actor)
	}
	for _, dir := range []string{"test/integration", "test/e2e"} {
		for _, name := range testsIn(t, dir) {
			if strings.HasPrefix(name, "TestAttack") && !named[name] {
				t.Errorf("docs/security.md does not name %s of %s", name, dir)
			}
		}
	}
}

// table returns the cells of the table with this first line.
func table(t *testing.T, page, head string) (rows [][]string) {
	t.Helper()
	_, below, found := strings.Cut(page, "\n"+head+"\n")
	if !found {
		t.Fatalf("there is no table %q", head)
	}
	for line := range strings.Lines(below) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != strings.Count(head, "|")-1 {
			t.Fatalf("the row has %d cells: %s", len(cells), line)
		}
		rows = append(rows, cells)
	}
	return rows
}

// testsIn returns the names of the tests and fuzz targets in a directory of the repository.
func testsIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests (%v)", dir, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// Package documents reads the project's documents for tests that compare them with the code. With -update (make docs), its tests
// also write the generated parts of pages and wrap long lines.
package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Row is a row of a table whose first column quotes what a message contains.
type Row struct {
	// Says holds alternatives, each a list of phrases that the message contains in this order.
	Says [][]string
	// Cells holds all columns as they are written.
	Cells []string
}

// Is reports whether the row is about a message.
func (r Row) Is(message string) bool {
	for _, phrases := range r.Says {
		rest, all := message, true
		for _, phrase := range phrases {
			var found bool
			_, rest, found = strings.Cut(rest, phrase)
			all = all && found
		}
		if all && len(phrases) > 0 {
			return true
		}
	}
	return false
}

// Explains reports whether a row of docs/troubleshooting.md is about a message.
func Explains(tb testing.TB, message string) bool {
	tb.Helper()
	return slices.ContainsFunc(Rows(tb, ""), func(r Row) bool { return r.Is(message) })
}

// Page returns a page of docs/.
func Page(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(directory(tb), name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// Shows requires that a page of docs/ shows a command, exactly what it prints, and its exit status.
func Shows(tb testing.TB, page, command, printed string, status int) {
	tb.Helper()
	block := fmt.Sprintf("```console\n$ %s\n%s$ echo $?\n%d\n```\n", command, printed, status)
	if !strings.Contains(Page(tb, page), block) {
		tb.Errorf("docs/%s does not show this:\n%s", page, block)
	}
}

var keyValue = regexp.MustCompile(`=\S+`)

// Printed requires that an output has each line of a page of docs/ that begins with one of begins. In the page, "…" stands for
// any text; blanks, and values behind "=", may differ. If heading is not empty, only the section with this heading counts.
func Printed(tb testing.TB, page, heading, printed string, begins ...string) {
	tb.Helper()
	text := Page(tb, page)
	if heading != "" {
		_, text, _ = strings.Cut(text, "\n## "+heading+"\n")
		text, _, _ = strings.Cut(text, "\n## ")
	}
	for _, begin := range begins {
		missing, lines := unprinted(text, begin, printed)
		for _, line := range missing {
			tb.Errorf("docs/%s has a line that is not printed: %s", page, line)
		}
		if lines == 0 {
			tb.Errorf("docs/%s has no line that begins with %q (section %q)", page, begin, heading)
		}
	}
}

// unprinted returns the lines of a text that begin with begin and are not printed, and the number of lines that begin so.
func unprinted(text, begin, printed string) (missing []string, lines int) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, begin) {
			continue
		}
		lines++
		pattern := keyValue.ReplaceAllString(regexp.QuoteMeta(strings.Join(strings.Fields(line), " ")), `=\S+`)
		pattern = strings.NewReplacer("…", ".*", " ", " +").Replace(pattern)
		if !regexp.MustCompile(pattern).MatchString(printed) {
			missing = append(missing, strings.TrimSpace(line))
		}
	}
	return missing, lines
}

// directory returns the repository's docs/, in a parent of the working directory.
func directory(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "docs", "README.md")); err == nil {
			return filepath.Join(dir, "docs")
		}
	}
	tb.Fatal("there is no docs/README.md above the working directory")
	return ""
}

// Rows returns the rows of the tables in a section of docs/troubleshooting.md whose first column is "message contains". If
// section is empty, it returns the rows of all sections.
func Rows(tb testing.TB, section string) []Row {
	tb.Helper()
	var rows []Row
	heading, inTable := "", false
	for line := range strings.Lines(Page(tb, "troubleshooting.md")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "## "):
			heading, inTable = strings.TrimPrefix(line, "## "), false
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case strings.HasPrefix(line, "| message contains "):
			inTable = true
		case inTable && !strings.HasPrefix(line, "|---") && (section == "" || section == heading):
			rows = append(rows, parseRow(line))
		}
	}
	if len(rows) == 0 {
		tb.Fatalf("docs/troubleshooting.md has no table of messages in section %q", section)
	}
	return rows
}

// parseRow parses "| `a` … `b`, `c` | ... |": a message that contains a and then b, or one that contains c.
func parseRow(line string) Row {
	row := Row{Cells: strings.Split(strings.Trim(line, "|"), "|")}
	for i, cell := range row.Cells {
		row.Cells[i] = strings.TrimSpace(cell)
	}
	quoted := strings.Split(row.Cells[0], "`")
	var phrases []string
	for i := 1; i < len(quoted); i += 2 {
		if i > 1 && strings.TrimSpace(quoted[i-1]) == "," {
			row.Says = append(row.Says, phrases)
			phrases = nil
		}
		phrases = append(phrases, quoted[i])
	}
	row.Says = append(row.Says, phrases)
	return row
}

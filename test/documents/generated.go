package documents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Generated compares the part of a page of docs/ between the lines "<!-- generated: NAME -->" and "<!-- end of NAME -->" with the
// text that the code generates. With update it writes that part instead.
func Generated(tb testing.TB, page, name, want string, update bool) {
	tb.Helper()
	content := Page(tb, page)
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, found := strings.Cut(content, begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		tb.Fatalf("docs/%s does not have the lines %q and %q", page, begin, end)
	}
	want = "\n" + strings.TrimSpace(want) + "\n\n"
	if got == want {
		return
	}
	if !update {
		tb.Errorf("docs/%s: the generated part differs from the code (make docs), page (-) and code (+):\n%s", page,
			cmp.Diff(strings.Split(got, "\n"), strings.Split(want, "\n")))
		return
	}
	if err := os.WriteFile(filepath.Join(directory(tb), page), []byte(before+begin+want+end+after), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// Cell formats a text for a cell of a table.
func Cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	const before, after = "# Page\n\n<!-- generated: table -->\n", "<!-- end of table -->\nafter\n"
	for name, content := range map[string]string{"README.md": "", "page.md": before + "\nold\n\n" + after} {
		if err := os.WriteFile(filepath.Join("docs", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &recorder{TB: t}
	Generated(r, "page.md", "table", "old\nnew", false)
	added := regexp.MustCompile(`(?m)^\+\W*(.*)",$`).FindStringSubmatch(r.said) // cmp varies the kind of its blanks
	if !strings.Contains(r.said, "make docs") || len(added) != 2 || added[1] != "new" {
		t.Errorf("a page that differs: %q", r.said)
	}
	Generated(t, "page.md", "table", "new", true)
	if got := Page(t, "page.md"); got != before+"\nnew\n\n"+after {
		t.Errorf("written: %q", got)
	}
	Generated(t, "page.md", "table", "new", false)
}

func TestCell(t *testing.T) {
	if got := Cell("a |b\n  c"); got != `a \|b c` {
		t.Errorf("%q", got)
	}
}

// recorder records the errors of a test.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }

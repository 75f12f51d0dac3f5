package documents

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated in docs/, and wrap its lines")

// handwritten returns the pages except the charts' READMEs, which helm-docs makes from README.md.gotmpl and values.yaml.
func handwritten(t *testing.T) (pages []string) {
	t.Helper()
	for _, page := range everyPage(t) {
		if !strings.HasPrefix(page, filepath.Join(root, "charts")) {
			pages = append(pages, page)
		}
	}
	return pages
}

// TestPagesAreWrapped: lines of prose have at most 120 characters.
func TestPagesAreWrapped(t *testing.T) {
	for _, page := range handwritten(t) {
		content := read(t, page)
		wrapped := WrapPage(content)
		if *update && wrapped != content {
			if err := os.WriteFile(page, []byte(wrapped), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if wrapped != content {
			t.Errorf("%s has lines of more than %d characters (make docs)", page, Width)
		}
	}
}

// TestTablesAreNarrow: a table with more than five columns needs scrolling on every screen.
func TestTablesAreNarrow(t *testing.T) {
	const most = 5
	head := regexp.MustCompile(`(?m)^(\|.*\|)\n\|[-|: ]+\|$`)
	tables := 0
	for _, page := range everyPage(t) {
		for _, found := range head.FindAllStringSubmatch(prose(read(t, page)), -1) {
			tables++
			if columns := strings.Count(strings.ReplaceAll(found[1], `\|`, ""), "|") - 1; columns > most {
				t.Errorf("%s: a table has %d columns: %s", page, columns, found[1])
			}
		}
	}
	if tables < 50 {
		t.Errorf("only %d tables were found", tables)
	}
}

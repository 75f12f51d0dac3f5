package documents

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedSectionsExist: the sections of documents that messages, NOTES and examples name exist, whether by an anchor or by their
// heading in quotes.
func TestNamedSectionsExist(t *testing.T) {
	named := 0
	for _, path := range filesBelow(t, sectionNamers, "pkg", "cmd", "charts", "deploy") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, found := range namedSection.FindAllStringSubmatch(read(t, path), -1) {
			named++
			page := filepath.Join(root, found[1])
			if strings.HasSuffix(page, "README.md") { // a chart names its own as README.md
				page = filepath.Join(chartDir.FindString(path), found[1])
			}
			if anchor := found[2] + anchorOf(found[3]); !exists(page) || !anchorsOf(read(t, page))[anchor] {
				t.Errorf("%s names %s, which has no section %s", path, found[1], anchor)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d named sections were found", named)
	}
}

var (
	sectionNamers = regexp.MustCompile(`(?:\.go|\.tpl|\.yaml|/NOTES\.txt)$`)
	chartDir      = regexp.MustCompile(`^.*/charts/[a-z-]+`)
	namedSection  = regexp.MustCompile(`(docs/[a-z-]+\.md|(?:\.\./[a-z-]+/)?README\.md)(?:#([a-z0-9-]+)|,? \(?\\?"([^"\\]+)\\?")`)
)

package documents

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLinks: every file and heading in the repository to which a document links exists.
func TestLinks(t *testing.T) {
	links := 0
	for _, page := range everyPage(t) {
		for _, target := range linksOf(read(t, page)) {
			links++
			file, anchor, _ := strings.Cut(target, "#")
			at := page
			if file != "" {
				at = filepath.Join(filepath.Dir(page), file)
			}
			switch {
			case !exists(at):
				t.Errorf("%s links to %s, which does not exist", page, target)
			case anchor != "" && strings.HasSuffix(at, ".md") && !anchorsOf(read(t, at))[anchor]:
				t.Errorf("%s links to %s, which has no such heading", page, target)
			}
		}
	}
	if links < 200 {
		t.Errorf("only %d links were found", links)
	}
}

// TestEveryPageIsListed: the README.md of docs/, or of a directory below it, leads to every page beside it, and docs/README.md to
// those of the directories below.
func TestEveryPageIsListed(t *testing.T) {
	top := root + "/docs/README.md"
	for _, page := range append(glob(t, "docs/*.md"), glob(t, "docs/*/*.md")...) {
		index := filepath.Join(filepath.Dir(page), "README.md")
		if page == index {
			index = top
		}
		leads := func(target string) bool {
			file, _, _ := strings.Cut(target, "#")
			return filepath.Join(filepath.Dir(index), file) == page
		}
		if page != filepath.Clean(top) && !slices.ContainsFunc(linksOf(read(t, index)), leads) {
			t.Errorf("%s does not lead to %s", index, page)
		}
	}
}

func TestLinksOf(t *testing.T) {
	page := "# A `b` (c), d\n## A `b` (c), d\n[x](y.md#z) [web](https://example.org)\n```\n[no](no.md)\n# no\n```\n"
	if links := linksOf(page); len(links) != 1 || links[0] != "y.md#z" {
		t.Errorf("links %q", links)
	}
	if anchors := anchorsOf(page); len(anchors) != 2 || !anchors["a-b-c-d"] || !anchors["a-b-c-d-1"] {
		t.Errorf("anchors %v", anchors)
	}
}

// everyPage returns the paths of all documents.
func everyPage(t *testing.T) (pages []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", ".github/*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md", "deploy/*/*.md", "charts/*/*.md"} {
		pages = append(pages, glob(t, pattern)...)
	}
	return pages
}

// prose returns a page without its code blocks.
func prose(page string) string {
	var text strings.Builder
	fenced := false
	for line := range strings.Lines(page) {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			fenced = !fenced
		}
		if !fenced && !fence {
			text.WriteString(line)
		}
	}
	return text.String()
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// linksOf returns the targets of links within the repository.
func linksOf(page string) (targets []string) {
	for _, found := range link.FindAllStringSubmatch(prose(page), -1) {
		if !strings.Contains(found[1], "://") {
			targets = append(targets, found[1])
		}
	}
	return targets
}

var (
	heading   = regexp.MustCompile(`(?m)^#+ (.*?)\s*$`)
	notInLink = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	linkText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchorsOf returns the anchors that GitHub gives to a page's headings.
func anchorsOf(page string) map[string]bool {
	anchors := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(prose(page), -1) {
		anchor := anchorOf(found[1])
		name := anchor
		for i := 1; anchors[name]; i++ {
			name = anchor + "-" + strconv.Itoa(i)
		}
		anchors[name] = true
	}
	return anchors
}

func anchorOf(heading string) string {
	text := linkText.ReplaceAllString(strings.ToLower(heading), "$1")
	return strings.ReplaceAll(notInLink.ReplaceAllString(text, ""), " ", "-")
}

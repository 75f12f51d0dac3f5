package documents

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestContents: the long page that people search has a table of contents, made from its headings.
func TestContents(t *testing.T) {
	const page = "troubleshooting.md"
	Generated(t, page, "contents", contentsOf(Page(t, page)), *update)
}

// TestDecisionsLeadToSections: the last boxes of the diagram in docs/troubleshooting.md are sections of that page.
func TestDecisionsLeadToSections(t *testing.T) {
	page := Page(t, "troubleshooting.md")
	_, diagram, _ := strings.Cut(page, "```mermaid\n")
	diagram, _, _ = strings.Cut(diagram, "```")
	boxes := 0
	for _, found := range regexp.MustCompile(`\w\[([^\]]+)\]`).FindAllStringSubmatch(diagram, -1) {
		for section := range strings.SplitSeq(found[1], "<br>") {
			boxes++
			file, name := "troubleshooting.md", section
			if before, other, elsewhere := strings.Cut(section, ", in "); elsewhere {
				name, file = before, other
			}
			if name != "glusterfs-csi doctor" && !regexp.MustCompile(`(?m)^##+ `+regexp.QuoteMeta(name)+`$`).MatchString(Page(t, file)) {
				t.Errorf("the diagram leads to %q, which is no section of docs/%s", name, file)
			}
		}
	}
	if boxes < 10 {
		t.Errorf("only %d boxes were found", boxes)
	}
}

// contentsOf lists the headings of the second and third level as links.
func contentsOf(page string) string {
	var contents strings.Builder
	for _, found := range regexp.MustCompile(`(?m)^(###?) (.*)$`).FindAllStringSubmatch(prose(page), -1) {
		indent := strings.Repeat("  ", len(found[1])-2)
		fmt.Fprintf(&contents, "%s- [%s](#%s)\n", indent, found[2], anchorOf(found[2]))
	}
	return contents.String()
}

package documents

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRow(t *testing.T) {
	row := parseRow("| `used` … `before`, `expired` | `X` | cause | cure with `before` |")
	for message, want := range map[string]bool{
		"it was used just before": true,
		"it has expired":          true,
		"before it was used":      false,
		"it was used":             false,
		"":                        false,
	} {
		if got := row.Is(message); got != want {
			t.Errorf("%q: %t, want %t", message, got, want)
		}
	}
	if len(row.Cells) != 4 || row.Cells[1] != "`X`" {
		t.Errorf("cells %q", row.Cells)
	}
}

func TestUnprinted(t *testing.T) {
	const printed = `I1129 1 a.go:2] "Step 1 of 2: made (all) of it" nodes=3 url="http://127.0.0.1:80"` + "\nNAME   AGE\n"
	for line, want := range map[string]bool{
		`"Step 1 of 2: made (all) of it" nodes=5 url="http://…:8080"`: true,
		`"Step 1 of 2: made … it" nodes=…`:                            true,
		`"Step 1 of 2: made all of it"`:                               false,
		`"Step 1 of 2: made (all) of it" disks=3`:                     false,
		`"Step 2 of 2: …"`:                                            false,
	} {
		missing, lines := unprinted("NAME AGE\n"+line+"\n", `"Step `, printed)
		if lines != 1 || (len(missing) == 0) != want {
			t.Errorf("%s: %d lines, %q are missing", line, lines, missing)
		}
	}
	if missing, lines := unprinted("NAME AGE\n", "NAME", printed); missing != nil || lines != 1 {
		t.Errorf("other blanks: %d lines, %q are missing", lines, missing)
	}
}

// TestTroubleshootingRows: each row about the driver's own messages, and about messages of Heketi that the driver explains,
// quotes words from the driver's source.
func TestTroubleshootingRows(t *testing.T) {
	literals := literalsBelow(t, "pkg")
	composed := []string{"the examination of backend", "keyFile cannot be read", "caFile cannot be read"} // joined only at run time
	for _, section := range []string{"What Heketi answers", "What the driver decides", "What a mount fails with"} {
		rows := Rows(t, section)
		if len(rows) < 10 {
			t.Errorf("%s: only %d rows", section, len(rows))
		}
		for _, row := range rows {
			for _, phrases := range row.Says {
				for _, phrase := range phrases {
					if !slices.Contains(composed, phrase) && !strings.Contains(literals, phrase) {
						t.Errorf("%s: no message in the source has %q", section, phrase)
					}
				}
			}
		}
	}
}

// TestTroubleshootingPromises: the page has rows about messages that are in no list in the source. The tests of the packages that
// return them cover the messages.
func TestTroubleshootingPromises(t *testing.T) {
	for section, messages := range map[string][]string{
		"What Heketi answers": {"none of the clusters that it had before"},
		"What the driver decides": {
			"volume exists with other properties", "several volumes for the name", "goes on after the call has ended", "is running for another call",
			"and this create is for backend", "whether an earlier create has made the volume is not known",
			"may still be carried out until", "by Heketi's records, but bricks for", "could not make a note of it first",
			"is uncertain until Heketi has undone", "may have left gluster volume", "and cannot grow any more", "is not allowed",
			"this driver ignores", "is not an option that a class may set", "must be a volume that this driver made", "which is not configured", "every group id from gidMin", "is not a known parameter",
			"must be one of the configured backends", "glusterd has answered Heketi on none of the nodes of cluster",
		},
		"What a mount fails with": {"no GlusterFS server can be reached", "mount flag", "static volumes have no such attribute"},
	} {
		rows := Rows(t, section)
		for _, message := range messages {
			if !slices.ContainsFunc(rows, func(r Row) bool {
				return slices.ContainsFunc(r.Says, func(phrases []string) bool { return slices.Contains(phrases, message) })
			}) {
				t.Errorf("docs/troubleshooting.md: section %q does not have %q", section, message)
			}
		}
	}
}

// literalsBelow returns all strings in the sources of a directory's packages, without tests, one a line.
func literalsBelow(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	for _, path := range filesBelow(t, regexp.MustCompile(`\.go$`), dir) {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text := joined(e)
			all.WriteString(text + "\n")
			return text == ""
		})
	}
	return all.String()
}

// joined returns the text of a string, or of added strings; other operands count as empty.
func joined(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return joined(e.X) + joined(e.Y)
		}
	}
	return ""
}

package documents

import (
	"flag"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated in docs/, and wrap its lines")

// TestTablesAreNarrow: a table with more columns than five is read on no screen without scrolling.
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

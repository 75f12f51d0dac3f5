package heketi

import (
	"os"
	"strings"
	"testing"
)

// TestTroubleshooting: an administrator finds each message of the table in the documentation.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(rules(), rule{hint: hintNoKey}) {
		if r.hint == "" && r.exactly == nil {
			continue // Heketi's own words, about the request
		}
		said := r.text
		if said == "" {
			said = r.hint
		}
		found := false
		for line := range strings.SplitSeq(string(page), "\n") {
			quoted := strings.Split(line, "`")
			for i := 1; i < len(quoted); i += 2 {
				found = found || strings.Contains(said, quoted[i]) && len(quoted[i]) > 4 || strings.Contains(quoted[i], said)
			}
		}
		if !found {
			t.Errorf("docs/troubleshooting.md does not have %q", said)
		}
	}
}

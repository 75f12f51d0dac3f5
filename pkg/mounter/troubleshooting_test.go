package mounter

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTroubleshooting: an administrator finds each reason of a failed mount in the documentation.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	messages := regexp.MustCompile("`[^`\n]+`").FindAllString(string(page), -1)
	for _, e := range explanations() {
		found := false
		for _, m := range messages {
			found = found || len(m) > 10 && strings.Contains(e.words, strings.Trim(m, "`"))
		}
		if !found {
			t.Errorf("docs/troubleshooting.md does not have %q", e.words)
		}
	}
}

package documents

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMigrationIsNotOneBlock: a block of docs/migrate.md that makes a plan does not apply all of it, because a plan must be read
// first. A block that removes files also compares them with their copies.
func TestMigrationIsNotOneBlock(t *testing.T) {
	content, err := os.ReadFile("../../docs/migrate.md")
	if err != nil {
		t.Fatal(err)
	}
	plans, removals := 0, 0
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").FindAllStringSubmatch(string(content), -1) {
		commands := strings.ReplaceAll(block[1], "\\\n", "")
		if regexp.MustCompile(`(migrate|in_pod) plan `).MatchString(commands) {
			plans++
			for line := range strings.Lines(commands) {
				if regexp.MustCompile(`(migrate|in_pod) apply `).MatchString(line) && !strings.Contains(line, " --only=") {
					t.Errorf("this block makes a plan and applies all of it:\n%s", commands)
				}
			}
		}
		if regexp.MustCompile(`\brm\b`).MatchString(commands) {
			removals++
			if !strings.Contains(commands, "cmp ") {
				t.Errorf("this block removes files without a comparison with their copies:\n%s", commands)
			}
		}
	}
	if plans == 0 || removals == 0 {
		t.Errorf("%d blocks with plans and %d with removals found", plans, removals)
	}
}

package documents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWebServersHaveAReadinessProbe: without a probe, a container is ready before its web server listens, and a script that
// follows the page gets "connection refused".
func TestWebServersHaveAReadinessProbe(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, examples...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, container := range containersOf(string(data)) {
			if !strings.Contains(container, "image: nginx") || !strings.Contains(container, "containerPort: 80") {
				continue
			}
			found++
			if !strings.Contains(container, "readinessProbe:") {
				t.Errorf("%s: no readinessProbe in\n%s", file, container)
			}
		}
	}
	if found < 2 {
		t.Errorf("%d web servers found, want those of the tutorial and of the examples", found)
	}
}

// containersOf returns the items of YAML lists in a text, each with the lines indented below it.
func containersOf(text string) []string {
	var items []string
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if !strings.HasPrefix(line[indent:], "- name: ") {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.HasPrefix(lines[end], strings.Repeat(" ", indent+1)) {
			end++
		}
		items = append(items, strings.Join(lines[i:end], "\n"))
	}
	return items
}

package documents

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tics are the words and phrases that docs/style.md bans, each with what to write in its place. They hide who acts, or make a
// sentence that has to be read twice.
var tics = map[string]string{
	"somebody":     "say who: the kubelet, the administrator, another caller",
	"nobody":       "say who, or make the thing the subject: no pod uses it",
	"anybody":      "say who",
	"everybody":    "say who",
	"whoever":      "say who",
	"wherever":     "say where",
	"anew":         "again",
	"of its own":   "write its own X, or a separate X",
	"of their own": "their own X, separate X",
	"is what":      "name the thing",
	"goes by":      "write uses, compares, or is based on",
	"go by":        "use, compare, be based on",
	"going by":     "based on",
	"learns of":    "sees, is told about",
	"what of":      "which part of, how much of",
	"for want of":  "because there is no, without",
	"comes to":     "reaches, becomes",
	"come to":      "reach, become",
	"let go":       "release",
}

// allowed are lines that may have a banned phrase: the part of a path, the phrase, and why.
var allowed = []struct{ path, phrase, reason string }{
	{"docs/style.md", "somebody", "the page that bans the word"},
	{"docs/style.md", "nobody", "the page that bans the word"},
	{"docs/style.md", "whoever", "the page that bans the word"},
	{"test/documents/words_test.go", "", "the list"},
	{"test/chart/testdata/golden/", "", "rendered from the charts, which are read themselves"},
	{"deploy/glusterfs-csi.yaml", "", "rendered from the chart"},
	{"test/e2e/attack_pod_test.go", "nobody", "the user of that name"},
	{"test/faults/executor.go", "nobody", "the user of that name"},
}

// TestWords: no comment, message, document or value has one of the words that docs/style.md bans.
func TestWords(t *testing.T) {
	for _, found := range findTics(t, "../..") {
		t.Error(found)
	}
}

// TestWordsAreFound: the search finds a banned phrase in each kind of text, also in another case, but not within a longer word.
func TestWordsAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.go": "// Somebody did it.\npackage a\n", "b.md": "It is what it is.\n", "c.yaml": "# a pod of its own\n",
		"d.sh": "# nobody\n", "Makefile": "# done anew\n", "e.bin": "nobody\n", "f.go": "package f // nobodys and whats\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := findTics(t, dir)
	if len(found) != 5 {
		t.Errorf("found %d lines, want 5:\n%s", len(found), strings.Join(found, "\n"))
	}
}

func findTics(t *testing.T, root string) []string {
	t.Helper()
	phrases := make([]string, 0, len(tics))
	for phrase := range tics {
		phrases = append(phrases, strings.ReplaceAll(phrase, " ", `\s+`))
	}
	slices.Sort(phrases)
	banned := regexp.MustCompile(`(?i)\b(` + strings.Join(phrases, "|") + `)\b`)
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == "build" || name == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if !isText(name) || !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			for _, match := range banned.FindAllString(strings.ReplaceAll(string(line), "http.NoBody", ""), -1) {
				phrase := strings.ToLower(strings.Join(strings.Fields(match), " "))
				if !isAllowed(name, phrase) {
					found = append(found, fmt.Sprintf("%s:%d has %q (%s): %s", name, i+1, match, tics[phrase], bytes.TrimSpace(line)))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isText(name string) bool {
	switch filepath.Base(name) {
	case "Makefile", "Dockerfile":
		return true
	}
	return slices.Contains([]string{".go", ".md", ".yaml", ".yml", ".sh", ".mk", ".json", ".tpl", ".txt"}, filepath.Ext(name))
}

func isAllowed(name, phrase string) bool {
	for _, a := range allowed {
		if strings.HasPrefix(name, a.path) && (a.phrase == "" || a.phrase == phrase) {
			return true
		}
	}
	return false
}

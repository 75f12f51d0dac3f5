package documents

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestNamedFilesExist: the source files that pages name exist. A path is relative to the top of the repository. In a sequence
// diagram, a file's name alone belongs to the package at either end of its arrow.
func TestNamedFilesExist(t *testing.T) {
	pages := append(glob(t, "docs/decisions/*.md"), root+"/docs/architecture.md", root+"/.github/CONTRIBUTING.md")
	for page, least := range map[string]int{"architecture.md": 30, "one-controller.md": 1, "CONTRIBUTING.md": 10} {
		if i := slices.IndexFunc(pages, func(p string) bool { return filepath.Base(p) == page }); i < 0 {
			t.Errorf("there is no %s", page)
		} else if named := filesNamed(read(t, pages[i])); len(named) < least {
			t.Errorf("%s names only %d files: %v", page, len(named), named)
		}
	}
	for _, page := range pages {
		for _, candidates := range filesNamed(read(t, page)) {
			if !slices.ContainsFunc(candidates, func(path string) bool { return exists(filepath.Join(root, path)) }) {
				t.Errorf("%s names a file that does not exist: %s", page, strings.Join(candidates, " or "))
			}
		}
	}
}

func TestFilesNamed(t *testing.T) {
	named := filesNamed("see `pkg/a/b.go` and [c](../charts/c.yaml)\n  participant A as pkg/a, pkg/b\n  participant C as cmd/c\n  A-->>C: do it<br>(x.go,<br>y.go)\n  C->>C: none\n")
	want := [][]string{{"pkg/a/b.go"}, {"charts/c.yaml"}, {"pkg/a/x.go", "pkg/b/x.go", "cmd/c/x.go"}, {"pkg/a/y.go", "pkg/b/y.go", "cmd/c/y.go"}}
	if !slices.EqualFunc(named, want, slices.Equal[[]string]) {
		t.Errorf("%q, want %q", named, want)
	}
}

var (
	path        = regexp.MustCompile(`\b(?:cmd|pkg|charts|deploy|test)/[\w./-]*\w\.(?:go|yaml|tpl|mk|sh)\b`)
	participant = regexp.MustCompile(`^participant (\w+) as (.*)`)
	arrow       = regexp.MustCompile(`^(\w+)-?->>(\w+): .*\(([^)]+)\)`)
)

// filesNamed returns the files that a page names, each with all paths at which it may be.
func filesNamed(page string) (named [][]string) {
	packages := map[string][]string{} // by participant
	for line := range strings.Lines(page) {
		line = strings.ReplaceAll(strings.TrimSpace(line), ",<br>", ", ")
		for _, found := range path.FindAllString(line, -1) {
			named = append(named, []string{found})
		}
		if found := participant.FindStringSubmatch(line); found != nil {
			packages[found[1]] = strings.Split(found[2], ", ")
		}
		found := arrow.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		for file := range strings.SplitSeq(found[3], ", ") {
			dirs := slices.Concat(packages[found[1]], packages[found[2]])
			candidates := make([]string, 0, len(dirs))
			for _, dir := range dirs {
				candidates = append(candidates, dir+"/"+file)
			}
			named = append(named, candidates)
		}
	}
	return named
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing is at %s (%v)", pattern, err)
	}
	return paths
}

// filesBelow returns the paths below directories of the repository that match the pattern.
func filesBelow(t *testing.T, pattern *regexp.Regexp, dirs ...string) (paths []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && pattern.MatchString(path) {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

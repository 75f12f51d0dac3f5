package documents

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedTargetsExist: the targets of make that pages name exist. The changelog also names targets of earlier versions.
func TestNamedTargetsExist(t *testing.T) {
	targets := map[string]bool{}
	for _, pattern := range []string{"Makefile", "*/*.mk", "*/*/*.mk"} {
		for _, file := range glob(t, pattern) {
			for _, found := range makeTarget.FindAllStringSubmatch(read(t, file), -1) {
				targets[found[1]] = true
			}
		}
	}
	named := 0
	for _, page := range everyPage(t) {
		if filepath.Base(page) == "CHANGELOG.md" {
			continue
		}
		for _, target := range targetsNamed(read(t, page)) {
			named++
			if !targets[target] {
				t.Errorf("%s names make %s, which does not exist", page, target)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d named targets were found", named)
	}
}

func TestTargetsNamed(t *testing.T) {
	page := "they make bricks; `make a` and `make b-c d X=1` or\n```sh\nmake e   # make sure\nmake f X='-only g'\n```\n"
	if got := strings.Join(targetsNamed(page), " "); got != "a b-c d e f" {
		t.Errorf("%s, want a b-c d e f", got)
	}
}

var (
	makeTarget   = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	makeCommand  = regexp.MustCompile("(?m)(?:^|`)make((?: [a-z][a-z0-9-]*)+)(?:[`]|\\s+[#A-Z]|\\s*$)")
)

// targetsNamed returns the targets of the make commands in a page, between backquotes or at the beginning of a line.
func targetsNamed(page string) (targets []string) {
	for _, found := range makeCommand.FindAllStringSubmatch(page, -1) {
		targets = append(targets, strings.Fields(found[1])...)
	}
	return targets
}

// TestNamedTestsExist: the tests that CONTRIBUTING names exist.
func TestNamedTestsExist(t *testing.T) {
	tests := map[string]bool{}
	for _, file := range filesBelow(t, regexp.MustCompile(`_test\.go$`), "cmd", "pkg", "test", "deploy") {
		for _, found := range testFunction.FindAllStringSubmatch(read(t, file), -1) {
			tests[found[1]] = true
		}
	}
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(read(t, root+"/.github/CONTRIBUTING.md"), -1)
	for _, name := range named {
		if !tests[name] {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist", name)
		}
	}
	if len(named) < 5 {
		t.Errorf("only %d named tests were found: %q", len(named), named)
	}
}

// TestOutputOfPods: documented commands read a pod's output from its log. "kubectl run --attach" loses what a program prints before
// kubectl is attached.
func TestOutputOfPods(t *testing.T) {
	attaches := regexp.MustCompile(`(?m)^.*kubectl.* run .*--attach\b.*$`)
	for _, page := range everyPage(t) {
		for _, block := range regexp.MustCompile("(?s)```sh\n.*?```").FindAllString(read(t, page), -1) {
			for _, line := range attaches.FindAllString(block, -1) {
				t.Errorf("%s attaches to a pod: %s", page, line)
			}
		}
	}
}

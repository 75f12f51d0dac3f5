package documents

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWorkflowsRunTheSameSteps: .github/workflows/ci.yml has each command of .ci/run.
func TestWorkflowsRunTheSameSteps(t *testing.T) {
	workflow := read(t, root+"/.github/workflows/ci.yml")
	commands := regexp.MustCompile(`(?m)(?:^\t|then )(make [a-z0-9-]+)`).FindAllStringSubmatch(read(t, root+"/.ci/run"), -1)
	if len(commands) < 5 {
		t.Fatalf("only %d commands were found in .ci/run", len(commands))
	}
	for _, command := range commands {
		if !regexp.MustCompile(`(?m)- (?:run: )?` + command[1] + `(?: |$)`).MatchString(workflow) {
			t.Errorf("ci.yml does not run %q", command[1])
		}
	}
}

// TestReleasesUseTheNewestPatchOfGo: the release workflow and the Dockerfile name the minor version of go.mod, and no patch version.
func TestReleasesUseTheNewestPatchOfGo(t *testing.T) {
	minor := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, root+"/go.mod"))
	if minor == nil {
		t.Fatal("go.mod names no version of Go")
	}
	for path, want := range map[string]string{
		".github/workflows/release.yml": `{go-version: "` + minor[1] + `.x", check-latest: true}`,
		"Dockerfile":                    "ARG GO_BASE=golang:" + minor[1] + "-bookworm\n",
	} {
		if !strings.Contains(read(t, root+"/"+path), want) {
			t.Errorf("%s does not have %q", path, want)
		}
	}
}

// TestWorkflowsRunEveryKubernetes: the matrix has the newest Kubernetes and each older one that the end-to-end tests can build.
func TestWorkflowsRunEveryKubernetes(t *testing.T) {
	want := []string{`""`}
	modules, err := filepath.Glob(root + "/test/e2e/kubernetes/*.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range modules {
		if version := strings.TrimSuffix(filepath.Base(module), ".mod"); version != "go" {
			want = append(want, `"`+version+`"`)
		}
	}
	matrix := regexp.MustCompile(`(?m)^ +kubernetes: \[(.*)\]$`).FindStringSubmatch(read(t, root+"/.github/workflows/ci.yml"))
	if matrix == nil {
		t.Fatal("ci.yml has no matrix of Kubernetes versions")
	}
	got := strings.Split(matrix[1], ", ")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("versions that can be built (-), in the matrix (+):\n%s", diff)
	}
}

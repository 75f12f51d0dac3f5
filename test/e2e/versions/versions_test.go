package versions

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// required returns the version of k8s.io/kubernetes in a file with a module's requirements.
func required(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`k8s\.io/kubernetes (v1\.\S+)`).FindSubmatch(data)
	if found == nil {
		t.Fatalf("%s does not require k8s.io/kubernetes", path)
	}
	return string(found[1])
}

func TestListHasTheVersionsThatAreBuilt(t *testing.T) {
	got := make([]string, 0, len(All()))
	for _, v := range All() {
		got = append(got, v.Release)
		name := fmt.Sprintf("v1.%d.", v.Minor)
		if !strings.HasPrefix(v.Release, name) {
			t.Errorf("release %s of minor version %d does not begin with %s", v.Release, v.Minor, name)
		}
	}
	older, err := filepath.Glob("../kubernetes/1.*.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 0, len(older)+1)
	for _, path := range slices.Concat(older, []string{"../tools/go.mod"}) {
		want = append(want, required(t, path))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the list has the versions %v, and those built are %v", got, want)
	}
}

func TestDocumentsNameTheVersions(t *testing.T) {
	page := documents.Page(t, "kubernetes.md")
	for _, v := range All() {
		if name := strings.TrimPrefix(v.Release, "v"); !strings.Contains(page, name) {
			t.Errorf("docs/kubernetes.md does not name %s among the versions that are tested", name)
		}
	}
	conformance := documents.Page(t, "conformance.md")
	for _, v := range All() {
		row := fmt.Sprintf("| %s | %d |", strings.TrimPrefix(v.Release, "v"), v.FastSpecs)
		if !strings.Contains(conformance, row) {
			t.Errorf("docs/conformance.md has no row %q", row)
		}
	}
}

func TestAnUnknownVersionIsNotBuilt(t *testing.T) {
	for want, said := range map[string]string{"1.29": `there is no Kubernetes "1.29" here`, "go": `there is no Kubernetes "go" here`} {
		cmd := exec.CommandContext(t.Context(), "../kubernetes/build.sh")
		cmd.Env = append(os.Environ(), "KUBERNETES="+want)
		_, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(string(exit.Stderr), said+"; there are: 1.30 1.33") {
			t.Errorf("KUBERNETES=%s: %v, want an error that says %s", want, err, said)
		}
	}
}

func TestOf(t *testing.T) {
	if v, err := Of("v1.30.14"); err != nil || v.Minor != 30 {
		t.Errorf("v1.30.14 is %+v, %v", v, err)
	}
	if _, err := Of("v1.30.99"); err == nil || !strings.Contains(err.Error(), "v1.33.13") {
		t.Errorf("an unknown version: %v", err)
	}
	if got := SuiteImages("busybox"); !slices.Equal(got, []string{"busybox:1.37.0-1", "busybox:1.36.1-1"}) {
		t.Errorf("images of busybox are %v", got)
	}
}

package chart

import (
	"bytes"
	"cmp"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

const (
	root     = "../.."
	chartDir = root + "/charts/glusterfs-csi"
	deploy   = root + "/deploy"
)

var update = flag.Bool("update", false, "write the golden files and deploy/ instead of comparing with them")

// The API versions on which the chart's output depends. Kubernetes 1.36 has both, 1.30 to 1.35 the first.
const (
	validatingPolicies = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
	mutatingPolicies   = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
)

// rendering is one way to use the chart.
type rendering struct {
	name   string // of the files in testdata/values and testdata/golden
	values string // path of the values file
	apis   []string
	chart  string // "" means the driver's chart
}

func renderings() []rendering {
	newest := []string{validatingPolicies, mutatingPolicies}
	list := []rendering{
		{name: "minimal", apis: newest},
		{name: "static", apis: newest},
		{name: "everything", apis: newest},
		{name: "sidecars", apis: newest},
		{name: "placement", apis: []string{validatingPolicies}},
		{name: "groups", apis: newest},
	}
	for i := range list {
		list[i].values = filepath.Join("testdata/values", list[i].name+".yaml")
	}
	return list
}

func (r rendering) golden() string {
	if r.chart == storageDir {
		return filepath.Join("testdata/storage/golden", r.name+".yaml")
	}
	return filepath.Join("testdata/golden", r.name+".yaml")
}

// render returns the manifests. For charts/glusterfs-storage, these are only its own, without those of its subchart, the driver's
// chart.
func (r rendering) render(t *testing.T) string {
	t.Helper()
	if r.chart == storageDir {
		return ownManifests(r.renderAll(t))
	}
	return r.renderAll(t)
}

// renderAll returns the manifests, including those of subcharts.
func (r rendering) renderAll(t *testing.T) string {
	t.Helper()
	chart := cmp.Or(r.chart, chartDir)
	name := filepath.Base(chart)
	return mustHelm(t, "template", name, chart, "--namespace", name, "--values", r.values, "--api-versions="+strings.Join(r.apis, ","))
}

func mustHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// helm runs helm, and returns its standard output or, if it fails, its standard error.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return tool(t, "helm", args...)
}

func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Built(t, root, name, "test-chart"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	if err := cmd.Run(); err != nil {
		return stderr.String(), err
	}
	return stdout.String(), nil
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// write writes a golden file for -update.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

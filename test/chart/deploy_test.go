package chart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// Plain manifests are for Kubernetes 1.36.
func TestDeployIsTheChart(t *testing.T) {
	r := rendering{name: "deploy", values: deploy + "/values.yaml", apis: []string{validatingPolicies, mutatingPolicies}}
	got := "# Made by `make manifests` from charts/glusterfs-csi and deploy/values.yaml.\n" + r.render(t)
	path := deploy + "/glusterfs-csi.yaml"
	if *update {
		write(t, path, got)
		return
	}
	if diff := cmp.Diff(read(t, path), got); diff != "" {
		t.Errorf("deploy/glusterfs-csi.yaml is not what the chart renders (make manifests):\n%s", diff)
	}
}

func TestKustomizationListsFilesThatExist(t *testing.T) {
	var kustomization struct {
		Namespace string
		Resources []string
	}
	if err := yaml.Unmarshal([]byte(read(t, deploy+"/kustomization.yaml")), &kustomization); err != nil {
		t.Fatal(err)
	}
	namespaces := map[string]bool{}
	for _, name := range kustomization.Resources {
		for _, object := range objects(t, read(t, filepath.Join(deploy, name))) {
			if object.GetKind() == "Namespace" {
				namespaces[object.GetName()] = true
			}
		}
	}
	if !namespaces[kustomization.Namespace] {
		t.Errorf("nothing makes the namespace %s", kustomization.Namespace)
	}
}

// The table of values in a chart's README is generated from the comments in values.yaml.
func TestReadmeHasTheValues(t *testing.T) {
	for _, chart := range []string{chartDir, storageDir} {
		t.Run(filepath.Base(chart), func(t *testing.T) { checkReadme(t, chart) })
	}
}

func checkReadme(t *testing.T, chart string) {
	t.Helper()
	dir, err := filepath.Abs(chart)
	if err != nil {
		t.Fatal(err)
	}
	said, err := tool(t, "helm-docs", "--chart-search-root", dir, "--chart-to-generate", dir, "--dry-run", "--sort-values-order", "file", "--log-level", "error")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for row := range strings.Lines(said) {
		if strings.HasSuffix(row, "|  |\n") {
			t.Errorf("a value without a comment that begins with --: %s", row)
		}
	}
	said = strings.TrimSpace(said) + "\n"
	if *update {
		write(t, chart+"/README.md", said)
		return
	}
	if diff := cmp.Diff(read(t, chart+"/README.md"), said); diff != "" {
		t.Errorf("%s/README.md was not generated from values.yaml and README.md.gotmpl (make chart-docs):\n%s", chart, diff)
	}
}

// The table of examples lists exactly the existing files.
func TestExamplesAreListed(t *testing.T) {
	table := read(t, deploy+"/examples/README.md")
	for _, path := range slices.Concat(files(t, deploy+"/examples/*.yaml"), files(t, deploy+"/examples/*.nft")) {
		if !strings.Contains(table, "`"+filepath.Base(path)+"`") {
			t.Errorf("%s is not in the table", filepath.Base(path))
		}
	}
	for part := range strings.SplitSeq(table, "`") {
		if strings.HasSuffix(part, ".yaml") || strings.HasSuffix(part, ".nft") {
			if _, err := os.Stat(filepath.Join(deploy, "examples", part)); err != nil {
				t.Error(err)
			}
		}
	}
}

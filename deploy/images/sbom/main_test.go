package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	binary = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"bom-ref": "b", "name": "glusterfs-csi"}},
	"components": [{"bom-ref": "m", "name": "google.golang.org/grpc"}],
	"dependencies": [{"ref": "b", "dependsOn": ["m"]}, {"ref": "m"}],
	"compositions": [{"aggregate": "complete", "dependencies": ["b"]}, {"aggregate": "unknown", "dependencies": ["m"]}]}`
	// second shares one module with binary, and has one more.
	second = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"bom-ref": "s", "name": "heketi"}},
	"components": [{"bom-ref": "m", "name": "google.golang.org/grpc"}, {"bom-ref": "n", "name": "github.com/boltdb/bolt"}],
	"dependencies": [{"ref": "s", "dependsOn": ["m", "n"]}, {"ref": "m", "dependsOn": ["n"]}],
	"compositions": [{"aggregate": "complete", "dependencies": ["s"]}, {"aggregate": "unknown", "dependencies": ["m", "n"]}]}`
)

// bill holds the parts of an image's document that the tests check.
type bill struct {
	Format   string `json:"bomFormat"`
	Metadata struct {
		Component map[string]string `json:"component"`
	} `json:"metadata"`
	Components   []map[string]string `json:"components"`
	Dependencies []struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	} `json:"dependencies"`
	Compositions []struct {
		Aggregate    string   `json:"aggregate"`
		Dependencies []string `json:"dependencies"`
	} `json:"compositions"`
}

func describe(t *testing.T, packages string, documents ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	binaries := make([]string, 0, len(documents))
	for i, document := range documents {
		binaries = append(binaries, write("binary"+string(rune('1'+i))+".json", document))
	}
	var out bytes.Buffer
	err := run("glusterfs-csi-node", "v1.2.3", write("packages", packages), binaries, &out)
	return out.String(), err
}

func describeWell(t *testing.T, packages string, documents ...string) bill {
	t.Helper()
	out, err := describe(t, packages, documents...)
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal([]byte(out), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImage(t *testing.T) {
	b := describeWell(t, "glusterfs-client\t10.3-5\tamd64\nlibstdc++6\t1:12.2.0-14+deb12u1\tamd64\n", binary)
	image := b.Metadata.Component
	if b.Format != "CycloneDX" || image["name"] != "glusterfs-csi-node" || image["version"] != "v1.2.3" || image["type"] != "container" {
		t.Errorf("%+v", b)
	}
	got := make([]string, 0, len(b.Components))
	for _, component := range b.Components {
		got = append(got, component["name"]+" "+component["purl"])
	}
	want := "glusterfs-csi |google.golang.org/grpc |glusterfs-client pkg:deb/debian/glusterfs-client@10.3-5?arch=amd64|" +
		"libstdc++6 pkg:deb/debian/libstdc++6@1%3A12.2.0-14%2Bdeb12u1?arch=amd64"
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSeveralBinaries(t *testing.T) {
	b := describeWell(t, "", binary, second, second)
	got := make([]string, 0, len(b.Components))
	for _, component := range b.Components {
		got = append(got, component["bom-ref"])
	}
	if want := []string{"b", "m", "s", "n"}; !slices.Equal(got, want) {
		t.Errorf("the components are %q, want %q", got, want)
	}
	dependencies := map[string]string{}
	for _, d := range b.Dependencies {
		if _, twice := dependencies[d.Ref]; twice {
			t.Errorf("the dependencies of %s are listed twice", d.Ref)
		}
		dependencies[d.Ref] = strings.Join(d.DependsOn, " ")
	}
	for ref, want := range map[string]string{"b": "m", "s": "m n", "m": "n"} {
		if dependencies[ref] != want {
			t.Errorf("%s depends on %q, want %q", ref, dependencies[ref], want)
		}
	}
	if len(b.Compositions) != 2 || !slices.Equal(b.Compositions[0].Dependencies, []string{"b", "s"}) ||
		!slices.Equal(b.Compositions[1].Dependencies, []string{"m", "n"}) {
		t.Errorf("the compositions are %+v", b.Compositions)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		packages  string
		documents []string
		says      string
	}{
		"no document":        {"", nil, "at least one file"},
		"no JSON":            {"", []string{"x"}, "binary1.json is no JSON"},
		"no CycloneDX":       {"", []string{"{}"}, "metadata.component"},
		"the second is none": {"", []string{binary, "{}"}, "binary2.json"},
		"no dpkg-query":      {"a b\n", []string{binary}, "a b"},
		"half of a record":   {"a\t1\tamd64\nb\n", []string{binary}, `"b"`},
	} {
		if _, err := describe(t, tt.packages, tt.documents...); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v does not say %q", name, err, tt.says)
		}
	}
}

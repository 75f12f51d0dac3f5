package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const binary = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"bom-ref": "b", "name": "glusterfs-csi"}},
	"components": [{"bom-ref": "m", "name": "google.golang.org/grpc"}]}`

func describe(t *testing.T, packages, document string) (string, error) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "packages")
	if err := os.WriteFile(list, []byte(packages), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run("glusterfs-csi-node", "v1.2.3", list, strings.NewReader(document), &out)
	return out.String(), err
}

func TestImage(t *testing.T) {
	out, err := describe(t, "glusterfs-client\t10.3-5\tamd64\nlibstdc++6\t1:12.2.0-14+deb12u1\tamd64\n", binary)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component map[string]string `json:"component"`
		} `json:"metadata"`
		Components []map[string]string `json:"components"`
	}
	if err := json.Unmarshal([]byte(out), &document); err != nil {
		t.Fatal(err)
	}
	image := document.Metadata.Component
	if document.Format != "CycloneDX" || image["name"] != "glusterfs-csi-node" || image["version"] != "v1.2.3" || image["type"] != "container" {
		t.Errorf("%s", out)
	}
	got := make([]string, 0, len(document.Components))
	for _, component := range document.Components {
		got = append(got, component["name"]+" "+component["purl"])
	}
	want := "glusterfs-csi |google.golang.org/grpc |glusterfs-client pkg:deb/debian/glusterfs-client@10.3-5?arch=amd64|" +
		"libstdc++6 pkg:deb/debian/libstdc++6@1%3A12.2.0-14%2Bdeb12u1?arch=amd64"
	if strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ packages, document, says string }{
		"no JSON":          {"", "x", "standard input"},
		"no CycloneDX":     {"", "{}", "metadata.component"},
		"no dpkg-query":    {"a b\n", binary, "a b"},
		"half of a record": {"a\t1\tamd64\nb\n", binary, `"b"`},
	} {
		if _, err := describe(t, tt.packages, tt.document); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v does not say %q", name, err, tt.says)
		}
	}
}

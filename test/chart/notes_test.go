package chart

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helm's final notes name likely mistakes.
func TestNotesWarn(t *testing.T) {
	warning := regexp.MustCompile(`the backend \S+ has (neither existingSecret nor key|a url without TLS)|No Heketi is listed in "backends"`)
	for values, want := range map[string][]string{
		"minimal":    nil, // key, https
		"everything": nil, // existingSecret, https
		"placement":  {"the backend archive.eu has neither existingSecret nor key", "the backend archive.eu has a url without TLS"},
		"static":     {`No Heketi is listed in "backends"`},
	} {
		if diff := cmp.Diff(want, warning.FindAllString(notes(t, "testdata/values/"+values+".yaml"), -1)); diff != "" {
			t.Errorf("%s: %s", values, diff)
		}
	}
}

func TestNotesWarnOfPlainHTTP(t *testing.T) {
	for url, want := range map[string]bool{
		"http://heketi:8080":          true,
		"HTTP://10.0.0.1":             true,
		"http://127.example.org":      true,
		"http://localhost.example":    true,
		"http://[::10]:8080":          true,
		"https://heketi:8080":         false,
		"HTTPS://heketi:8080":         false,
		"http://localhost:8080":       false,
		"http://127.0.0.1:8080/":      false,
		"http://[::1]":                false,
		"https://http.example.org:80": false,
	} {
		path := filepath.Join(t.TempDir(), "values.yaml")
		write(t, path, fmt.Sprintf("backends: [{name: a, url: %q, key: k}]", url))
		if got := strings.Contains(notes(t, path), "without TLS"); got != want {
			t.Errorf("%s: a warning: %v, want %v", url, got, want)
		}
	}
}

func notes(t *testing.T, values string) string {
	t.Helper()
	return mustHelm(t, "install", "glusterfs-csi", chartDir, "--dry-run=client", "--values", values)
}

// Examples that people copy use TLS. The patterns of addresses in values and messages are not examples.
func TestExamplesUseTLS(t *testing.T) {
	plain := regexp.MustCompile(`http://[\w.-]*(heketi|example)[\w.-]*`)
	// The address of the Heketi of the chart glusterfs-storage, whose notes warn of plain HTTP. The second form is the beginning
	// of a template.
	inCluster := []string{"http://heketi.glusterfs-storage.svc", "http://heketi."}
	for _, pattern := range []string{
		root + "/*.md", root + "/docs/*.md", deploy + "/*.md", deploy + "/*.yaml", deploy + "/examples/*", chartDir + "/*.md", chartDir + "/values.yaml",
	} {
		for _, path := range files(t, pattern) {
			for _, found := range plain.FindAllString(read(t, path), -1) {
				if !slices.Contains(inCluster, found) {
					t.Errorf("%s: %q", path, found)
				}
			}
		}
	}
}

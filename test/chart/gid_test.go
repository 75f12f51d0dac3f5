package chart

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Somebody annotates PersistentVolumes with their group, and never two do, whatever the API server is.
func TestGroupAnnotationHasOneAuthor(t *testing.T) {
	tests := []struct {
		mode   string
		served bool // whether the API server has MutatingAdmissionPolicy
		author string
	}{
		{"auto", true, "policy"},
		{"auto", false, "controller"},
		{"policy", false, "policy"},
		{"controller", true, "controller"},
		{"off", true, "nobody"},
	}
	for _, tt := range tests {
		r := rendering{name: tt.mode, values: filepath.Join(t.TempDir(), "values.yaml")}
		write(t, r.values, backend+"gidAnnotation: '"+tt.mode+"'\n")
		if tt.served {
			r.apis = []string{mutatingPolicies}
		}
		author := "nobody"
		if strings.Contains(r.render(t), "kind: MutatingAdmissionPolicy\n") {
			author = "policy"
		}
		for _, c := range containers(t, r) {
			if slices.Contains(c.args(), "--annotate-pv-gid") {
				if author != "nobody" {
					t.Errorf("%s: two authors", tt.mode)
				}
				author = c.component
			}
		}
		if author != tt.author {
			t.Errorf("%s, policies served %v: %s annotates, want %s", tt.mode, tt.served, author, tt.author)
		}
	}
}

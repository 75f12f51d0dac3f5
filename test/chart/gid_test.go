package chart

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Exactly one program annotates PersistentVolumes with their group, whether or not the API server has MutatingAdmissionPolicy.
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
		{"off", true, "none"},
	}
	for _, tt := range tests {
		r := rendering{name: tt.mode, values: filepath.Join(t.TempDir(), "values.yaml")}
		write(t, r.values, backend+"gidAnnotation: '"+tt.mode+"'\n")
		if tt.served {
			r.apis = []string{mutatingPolicies}
		}
		author := "none"
		if strings.Contains(r.render(t), "kind: MutatingAdmissionPolicy\n") {
			author = "policy"
		}
		for _, c := range containers(t, r) {
			if slices.Contains(c.args(), "--annotate-pv-gid") {
				if author != "none" {
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

// No pod gets a system group, whatever a Heketi or the author of a PersistentVolume writes.
func TestPolicyTakesGroupsOfVolumesOnly(t *testing.T) {
	r := rendering{name: "policy", values: filepath.Join(t.TempDir(), "values.yaml")}
	write(t, r.values, backend+"gidAnnotation: policy\n")
	found := regexp.MustCompile(`orValue\(""\)\.matches\("([^"]+)"\)`).FindStringSubmatch(r.render(t))
	if found == nil {
		t.Fatal("the policy has no condition on the group")
	}
	group := regexp.MustCompile(found[1])
	for gid, want := range map[string]bool{
		"2000": true, "9999": true, "10000": true, "999999999": true, "1000000000": true, "2147483646": true,
		"": false, "0": false, "1": false, "999": false, "1000": false, "1999": false, "02000": false, "-2000": false, "+2000": false,
		"4294967296": false, "4294969296": false, "9999999999": false, "20000000000": false, "2000\n": false, "2000,0": false, "2000 0": false,
	} {
		if group.MatchString(gid) != want {
			t.Errorf("group %q: accepted %v, want %v", gid, !want, want)
		}
	}
}

package chart

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What helm prints in the end names what is likely to be a mistake.
func TestNotesWarn(t *testing.T) {
	warning := regexp.MustCompile(`the backend \S+ has neither existingSecret nor key|No Heketi is listed in "backends"`)
	for values, want := range map[string][]string{
		"minimal":    nil, // key
		"everything": nil, // existingSecret
		"placement":  {"the backend archive.eu has neither existingSecret nor key"},
		"static":     {`No Heketi is listed in "backends"`},
	} {
		said := mustHelm(t, "install", "glusterfs-csi", chartDir, "--dry-run=client", "--values", "testdata/values/"+values+".yaml")
		if diff := cmp.Diff(want, warning.FindAllString(said, -1)); diff != "" {
			t.Errorf("%s: %s", values, diff)
		}
	}
}

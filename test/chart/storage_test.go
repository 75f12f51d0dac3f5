package chart

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	storageDir = root + "/charts/glusterfs-storage"

	threeNodes = `nodes:
  - {name: node1, address: 10.0.0.1, devices: [/dev/sdb]}
  - {name: node2, address: 10.0.0.2, devices: [/dev/sdb]}
  - {name: node3, address: 10.0.0.3, devices: [/dev/sdb]}
`
)

// storageRenderings returns several ways to use charts/glusterfs-storage.
func storageRenderings() []rendering {
	names := []string{"minimal", "everything", "topology", "without-driver"}
	list := make([]rendering, 0, len(names))
	for _, name := range names {
		list = append(list, rendering{
			name:   name,
			chart:  storageDir,
			values: filepath.Join("testdata/storage/values", name+".yaml"),
			apis:   []string{validatingPolicies, mutatingPolicies},
		})
	}
	return list
}

// ownManifests leaves out the manifests of the driver's chart, except those that the values of charts/glusterfs-storage
// determine, and replaces Heketi's keys, which are random.
func ownManifests(all string) string {
	var own strings.Builder
	for doc := range strings.SplitAfterSeq(all, "\n---\n") {
		path, isPart := strings.CutPrefix(strings.TrimPrefix(doc, "---\n"), "# Source: glusterfs-storage/charts/glusterfs-csi/templates/")
		if !isPart || strings.HasPrefix(path, "backends.yaml") || strings.HasPrefix(path, "storageclasses.yaml") {
			own.WriteString(doc)
		}
	}
	return regexp.MustCompile(`(?m)^(  (?:admin|user): )[A-Za-z0-9+/=]{56}$`).ReplaceAllString(own.String(), "${1}cmFuZG9t")
}

// storageRefused is like refused, for charts/glusterfs-storage.
func storageRefused(t *testing.T, values string, says ...string) {
	t.Helper()
	said, err := templateOf(t, storageDir, values)
	checkRefusal(t, said, err, values, says)
}

func storageTaken(t *testing.T, values string) {
	t.Helper()
	if said, err := templateOf(t, storageDir, values); err != nil {
		t.Errorf("%s\nis refused: %s", values, said)
	}
}

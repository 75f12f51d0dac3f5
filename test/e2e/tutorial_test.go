package e2e

import (
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
)

// TestTutorial runs the commands of docs/tutorial.md, which install the driver and remove it again, and compares what they print with
// what the document says.
func TestTutorial(t *testing.T) {
	noDriver(t)
	err := tutorial.InLab(t.Context(), cluster, root, filepath.Join("docs", "tutorial.md"), nil, t.Output(), false)
	if err != nil {
		for _, what := range []string{"pods,pvc,events", "pv,storageclasses,csinodes"} {
			if out, err := cluster.Kubectl(t.Context(), "get", what, "--all-namespaces", "--output=wide"); err == nil {
				t.Log(out)
			}
		}
		t.Error(err) // last, where it is seen first
	}
}

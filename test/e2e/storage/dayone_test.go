package storage

import (
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
)

// TestDayOne runs the commands of docs/day-one.md, which install GlusterFS, Heketi and the driver and remove them again, and
// compares their output with the document.
func TestDayOne(t *testing.T) {
	err := tutorial.InLab(t.Context(), cluster, root, filepath.Join("docs", "day-one.md"), nil, t.Output(), false)
	if err != nil {
		for _, args := range [][]string{
			{"get", "pods,pvc,pv,jobs", "--all-namespaces", "--output=wide"},
			{"get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"},
			{"logs", "--namespace=glusterfs-storage", "--selector=app.kubernetes.io/component=setup", "--tail=100"},
		} {
			if out, err := cluster.Kubectl(t.Context(), args...); err == nil {
				t.Log(out)
			}
		}
		t.Error(err) // last, where it is seen first
	}
}

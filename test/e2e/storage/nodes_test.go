package storage

import (
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
)

func TestAllNodesAreReady(t *testing.T) {
	const ready = `jsonpath={range .items[?(@.status.conditions[-1].status=="True")]}{.metadata.name}{"\n"}{end}`
	got := strings.Fields(clustertest.Kubectl(t, cluster, "get", "nodes", "-o", ready))
	slices.Sort(got)
	if want := []string{"node1", "node2", "storage1", "storage2", "storage3"}; !slices.Equal(got, want) {
		t.Errorf("nodes that are ready: %q, want %q", got, want)
	}
}

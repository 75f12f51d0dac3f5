package migrate

import (
	"strings"
	"testing"
)

// TestAnotherCluster: the same names of PersistentVolumes and claims occur in many clusters.
func TestAnotherCluster(t *testing.T) {
	api, a := migrated(t)
	objects, err := Collect(t.Context(), api)
	if err != nil || objects.Cluster != "uid-cluster" || a.Plan.Cluster != "uid-cluster" {
		t.Fatalf("%v: collected %q, the plan has %q", err, objects.Cluster, a.Plan.Cluster)
	}
	if err := a.Plan.CheckCluster(t.Context(), api); err != nil {
		t.Error(err)
	}
	api.objects[objectKey(namespacesResource(), "", kubeSystem)].SetUID("uid-other")
	if err := a.Plan.CheckCluster(t.Context(), api); err == nil || !strings.Contains(err.Error(), "there the namespace kube-system has the uid uid-cluster, and here uid-other") {
		t.Errorf("got %v", err)
	}
}

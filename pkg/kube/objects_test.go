package kube

import (
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

// TestDryRuns: only requests that must not change anything are marked as dry runs.
func TestDryRuns(t *testing.T) {
	server := kubetest.New(t, 1)
	server.AddObject("/api/v1/persistentvolumes/there", `{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "there"}}`)
	client, err := NewClient(server.Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	volumes := Resource{Name: "persistentvolumes"}
	object := func(name string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion("v1")
		o.SetKind("PersistentVolume")
		o.SetName(name)
		return o
	}
	would, err := client.DryRunCreate(t.Context(), volumes, object("new"))
	if err != nil || would.GetName() != "new" {
		t.Errorf("%v, %v", would, err)
	}
	for _, err := range []error{
		client.DryRunDelete(t.Context(), volumes, "", "a", "uid"),
		client.DryRunPatch(t.Context(), volumes, "", "a", []byte("{}")), client.Patch(t.Context(), volumes, "", "b", []byte("{}")),
		client.Create(t.Context(), volumes, object("new")), client.Delete(t.Context(), volumes, "", "a", "uid"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := client.DryRunCreate(t.Context(), volumes, object("there")); !apierrors.IsAlreadyExists(err) {
		t.Errorf("an object that is there: %v", err)
	}
	dryRuns, writes := server.Writes()
	const create, del, patch = "POST /api/v1/persistentvolumes", "DELETE /api/v1/persistentvolumes/a", "PATCH /api/v1/persistentvolumes/a"
	if patched := server.Patched(); !slices.Equal(dryRuns, []string{create, del, patch, create}) || !slices.Equal(writes, []string{create, del}) || !slices.Equal(patched, []string{"b"}) {
		t.Errorf("dry runs %q, others %q, patched %q", dryRuns, writes, patched)
	}
}

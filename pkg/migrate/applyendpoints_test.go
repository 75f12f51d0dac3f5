package migrate

import (
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestRemoveEndpoints(t *testing.T) {
	api, a := withClass(t)
	a.API, a.Journal, a.Report = api, openJournal(t, filepath.Join(t.TempDir(), "journal")), func(Result) {}
	endpoints, service := objectKey(endpointsResource(), "shop", "glusterfs-dynamic-uid-claim"), objectKey(servicesResource(), "shop", "glusterfs-dynamic-uid-claim")
	if n, err := a.RemoveEndpoints(t.Context()); err != nil || api.objects[endpoints] == nil || api.objects[service] == nil {
		t.Errorf("before the migration: %d, %v", n, err)
	}
	if err := a.Apply(t.Context(), Selection{}); err != nil {
		t.Fatal(err)
	}
	if n, err := a.RemoveEndpoints(t.Context()); err != nil || n != 2 || api.objects[endpoints] != nil || api.objects[service] != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := a.RemoveEndpoints(t.Context()); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	if err := a.RestoreEndpoints(t.Context(), Selection{}); err != nil || api.objects[endpoints] == nil || api.objects[service] == nil {
		t.Fatalf("not restored: %v", err)
	}
	if ip, ok, _ := unstructured.NestedString(api.objects[service].Object, "spec", "clusterIP"); ok {
		t.Errorf("the Service asks for %s, which may be another's by now", ip)
	}
	if err := a.RestoreEndpoints(t.Context(), Selection{}); err != nil {
		t.Errorf("again: %v", err)
	}
}

package migrate

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
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

// TestRestoreEndpointsInOnePlace: a namespace that takes no Endpoints or Services does not prevent a rollback.
func TestRestoreEndpointsInOnePlace(t *testing.T) {
	services, endpoints := schema.GroupResource{Resource: "services"}, schema.GroupResource{Resource: "endpoints"}
	quota := apierrors.NewForbidden(services, "glusterfs-dynamic-uid-claim", errors.New("exceeded quota: q, requested: services=1, used: services=5, limited: services=5"))
	terminating := apierrors.NewForbidden(endpoints, "glusterfs-dynamic-uid-claim", errors.New("unable to create new content in namespace shop because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: namespaceTerminating}}
	for _, tc := range []struct {
		name    string
		fails   error
		removed bool
		want    string
	}{
		{"a quota, and nothing is missing", quota, false, ""},
		{"a quota", quota, true, "Endpoints shop/glusterfs-dynamic-uid-claim not restored: " + quota.Error() + "; Service shop/glusterfs-dynamic-uid-claim not restored: " + quota.Error()},
		{"a namespace that is being deleted", terminating, true, ""},
	} {
		api, a := withClass(t)
		var results []Result
		a.Journal, a.Report = openJournal(t, filepath.Join(t.TempDir(), "journal")), func(r Result) { results = append(results, r) }
		a.API = meanwhile{api, func(call string) error {
			if strings.HasPrefix(call, "create endpoints/") || strings.HasPrefix(call, "create services/") {
				return tc.fails
			}
			return nil
		}}
		if err := a.Apply(t.Context(), Selection{}); err != nil {
			t.Fatal(err)
		}
		if tc.removed {
			if n, err := a.RemoveEndpoints(t.Context()); err != nil || n != 2 {
				t.Fatalf("%d, %v", n, err)
			}
		}
		results = nil
		if err := a.RestoreEndpoints(t.Context(), Selection{}); err != nil || outcomes(results) != tc.want {
			t.Errorf("%s: %v, %s, want %q", tc.name, err, outcomes(results), tc.want)
		}
	}
	api, a := withClass(t)
	a.API = meanwhile{api, func(string) error { return kube.ErrNoAnswer }}
	if err := a.RestoreEndpoints(t.Context(), Selection{}); !errors.Is(err, kube.ErrNoAnswer) {
		t.Errorf("no answer: %v", err)
	}
}

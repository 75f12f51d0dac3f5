package migrate

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// keepsPods is an API server whose pods do not end.
type keepsPods struct{ *fakeAPI }

func (k keepsPods) List(ctx context.Context, of kube.Resource, namespace, kind string, keep func(unstructured.Unstructured) bool) ([]unstructured.Unstructured, error) {
	found, err := k.fakeAPI.List(ctx, of, namespace, kind, keep)
	if of == podsResource() && len(found) == 0 {
		found = []unstructured.Unstructured{{Object: map[string]any{
			"metadata": map[string]any{"namespace": "shop", "name": "web"}, "status": map[string]any{"phase": "Running"},
			"spec": map[string]any{"volumes": []any{map[string]any{"name": "v", "persistentVolumeClaim": map[string]any{"claimName": "data"}}}},
		}}}
	}
	return found, err
}

// TestPolicyAfterAFailure: an attempt that fails before the deletion sets the former policy back, if the claim still exists.
func TestPolicyAfterAFailure(t *testing.T) {
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumes"}, "pvc-a", errors.New("a webhook refuses it"))
	for name, tc := range map[string]struct {
		prepare      func(api *fakeAPI) API
		says, policy string
	}{
		"the deletion is refused": {func(api *fakeAPI) API { api.refusesDelete = refusal; return api }, "a webhook refuses it", policyDelete},
		"pods still run": {func(api *fakeAPI) API {
			api.deploy(t, "Deployment", "web")
			return keepsPods{api}
		}, "pods still run", policyDelete},
		"the claim goes": {func(api *fakeAPI) API {
			api.refusesDelete = refusal
			return meanwhile{api, func(call string) error {
				if call == "patch persistentvolumes/pvc-a" {
					delete(api.objects, objectKey(claimsResource(), "shop", "data"))
				}
				return nil
			}}
		}, "its policy is Retain now and was Delete: its claim shop/data is gone", policyRetain},
		"an administrator's Retain": {func(api *fakeAPI) API {
			_ = unstructured.SetNestedField(api.pv("pvc-a").Object, policyRetain, "spec", "persistentVolumeReclaimPolicy")
			api.deploy(t, "Deployment", "web")
			return keepsPods{api}
		}, "pods still run", policyRetain},
	} {
		t.Run(name, func(t *testing.T) {
			api, a := migrated(t)
			a.Scale, a.Wait = true, 20*testPoll
			journal := openJournalOf(t, filepath.Join(t.TempDir(), "journal"), a.Plan.ID)
			defer func() { _ = journal.Close() }()
			var results []Result
			a.API, a.Journal, a.Report = tc.prepare(api), journal, func(r Result) { results = append(results, r) }
			if err := a.Apply(t.Context(), Selection{Only: []string{"pvc-a"}}); err != nil || !strings.Contains(outcomes(results), tc.says) {
				t.Errorf("%v, %s", err, outcomes(results))
			}
			if pv := api.pv("pvc-a"); pv == nil || isOfDriver(pv.Object) || policyOf(pv.Object) != tc.policy {
				t.Errorf("the policy is not %s: %v", tc.policy, pv)
			}
			if tc.policy == policyDelete && journal.hasRetained(volumeEntry("pvc-a")) {
				t.Error("the journal still takes a later Retain for that of the migration")
			}
		})
	}
}

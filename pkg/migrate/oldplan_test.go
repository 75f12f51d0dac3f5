package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestOldPlan: what has changed since the plan is refused by its name, and stops nothing else.
func TestOldPlan(t *testing.T) {
	pvKey, claimKey := objectKey(volumesResource(), "", "pvc-a"), objectKey(claimsResource(), "shop", "data")
	for _, tc := range []struct {
		name   string
		change func(api *fakeAPI, a *Applier)
		says   string
	}{
		{"deleted", func(api *fakeAPI, _ *Applier) { delete(api.objects, pvKey) }, "it does not exist any more"},
		{"being deleted", func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[pvKey].Object, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")
		}, "it is being deleted"},
		{"grown", func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[pvKey].Object, "30Gi", "spec", "capacity", "storage")
		}, "its spec has changed"},
		{"another group", func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[pvKey].Object, "2002", "metadata", "annotations", annotationGID)
		}, "its annotations have changed"},
		{"grown in Heketi", func(_ *fakeAPI, a *Applier) {
			v := a.inventory().Dump.Volumes[idA]
			v.SizeGiB = 30
			a.inventory().Dump.Volumes[idA] = v
		}, "Heketi has vol_" + idA + " with 30 GiB"},
		{"another group in Heketi", func(_ *fakeAPI, a *Applier) {
			v := a.inventory().Dump.Volumes[idA]
			v.GID = 7
			a.inventory().Dump.Volumes[idA] = v
		}, "and group 7 in cluster"},
		{"gone in Heketi", func(_ *fakeAPI, a *Applier) { delete(a.inventory().Dump.Volumes, idA) }, "Heketi has no volume"},
		{"a claim that is gone", func(api *fakeAPI, _ *Applier) { delete(api.objects, claimKey) }, "would delete the volume"},
		{"a claim that was made again", func(api *fakeAPI, _ *Applier) { api.objects[claimKey].SetUID("another") }, "would delete the volume"},
		{"a claim of another", func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[claimKey].Object, "x", "spec", "volumeName")
		}, `names PersistentVolume "x"`},
		{"a claim that is being deleted", func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[claimKey].Object, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")
		}, "is being deleted"},
		{"in use while it starts", func(api *fakeAPI, _ *Applier) {
			p := object(t, `{metadata: {namespace: shop, name: web}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]},
				status: {phase: Pending, initContainerStatuses: [{state: {running: {startedAt: x}}}]}}`)
			api.put(podsResource(), &p)
		}, "pods use its claim shop/data: web"},
		{"in use", func(api *fakeAPI, _ *Applier) {
			p := object(t, `{metadata: {namespace: shop, name: web}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}, status: {phase: Running}}`)
			api.put(podsResource(), &p)
		}, "pods use its claim shop/data: web"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api, a := migrated(t)
			tc.change(api, &a)
			got := run(t, api, a, t.TempDir(), false, Selection{})
			if len(got) != 2 || got[0].Outcome != Migrated || got[1].Err == nil || !strings.Contains(got[1].Err.Error(), tc.says) {
				t.Errorf("got %s, want %q", outcomes(got), tc.says)
			}
			if pv := api.objects[pvKey]; pv != nil {
				if csi, ok, _ := unstructured.NestedMap(pv.Object, "spec", "csi"); ok {
					t.Errorf("it was swapped: %v", csi)
				}
			}
			if len(api.deleted) > 0 {
				t.Errorf("deleted: %v", api.deleted)
			}
		})
	}
}

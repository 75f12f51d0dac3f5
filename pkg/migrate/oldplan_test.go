package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestOldPlan: an object that has changed since the plan was made is refused with a reason, and the others are migrated.
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
		}, "in Heketi, the volume is now vol_" + idA + " with 30 GiB"},
		{"another group in Heketi", func(_ *fakeAPI, a *Applier) {
			v := a.inventory().Dump.Volumes[idA]
			v.GID = 7
			a.inventory().Dump.Volumes[idA] = v
		}, "and group 7 in cluster"},
		{"gone in Heketi", func(_ *fakeAPI, a *Applier) { delete(a.inventory().Dump.Volumes, idA) }, "Heketi has no volume"},
		{"a claim that is gone", func(api *fakeAPI, _ *Applier) { delete(api.objects, claimKey) }, "would delete the volume"},
		{"a claim that was made again", func(api *fakeAPI, _ *Applier) { api.objects[claimKey].SetUID("another") },
			"its claim shop/data was deleted and made again, with the uid another, so that the policy Delete would delete the volume"},
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

// TestPlanOfYesterday: since the plan was made, a PersistentVolume was deleted, a claim was bound to another one, a claim was
// recreated, and a volume was expanded. Each is refused with a reason, and the others are migrated.
func TestPlanOfYesterday(t *testing.T) {
	names := []string{"first", "gone", "made-again", "other", "rebound", "last"}
	texts := append(make([]string, 0, 1+len(names)), dynamicPV)
	for _, name := range names {
		texts = append(texts, change(t, staticPV, "name: projects", "name: "+name, "name: data, uid: uid-claim", "name: "+name+", uid: uid-"+name))
	}
	s := testSources(t, texts...)
	for _, name := range names {
		s.Objects.Claims = append(s.Objects.Claims, object(t, "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: shop, name: "+name+", uid: uid-"+name+
			"}, spec: {volumeName: "+name+"}, status: {phase: Bound}}"))
	}
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil || plan.Summary.Migrate != len(texts) {
		t.Fatalf("%v: %+v", err, plan.Summary)
	}
	content, err := plan.Encode() // the plan was saved in a file
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = Decode(content); err != nil {
		t.Fatal(err)
	}
	api := newFakeAPI(s)
	delete(api.objects, objectKey(volumesResource(), "", "gone"))
	_ = unstructured.SetNestedField(api.objects[objectKey(claimsResource(), "shop", "rebound")].Object, "elsewhere", "spec", "volumeName")
	api.objects[objectKey(claimsResource(), "shop", "made-again")].SetUID("uid-new")
	grow(t, api, "30Gi")
	dump := s.Inventories[0].Dump
	grown := dump.Volumes[idA]
	grown.SizeGiB = 30
	dump.Volumes[idA] = grown

	a := Applier{Plan: plan, Inventories: fixed(s.Inventories), Wait: testWait, Poll: testPoll}
	const changed = " refused: it differs from the plan: "
	want := strings.Join([]string{
		"first migrated",
		"gone" + changed + "it does not exist any more. If an earlier run of this plan has deleted it, put the journal of that run beside the plan",
		"last migrated",
		"made-again" + changed + "its claim shop/made-again was deleted and made again, with the uid uid-new",
		"other migrated",
		"pvc-a" + changed + "its spec has changed (capacity); make a new plan, in another file",
		"rebound" + changed + `its claim shop/rebound names PersistentVolume "elsewhere"`,
	}, "; ")
	if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, csi := range map[string]bool{"first": true, "last": true, "made-again": false, "other": true, "pvc-a": false, "rebound": false} {
		if is := isOfDriver(api.objects[objectKey(volumesResource(), "", name)].Object); is != csi {
			t.Errorf("%s is of the driver: %t", name, is)
		}
	}
	if len(api.deleted) > 0 {
		t.Errorf("deleted: %v", api.deleted)
	}
}

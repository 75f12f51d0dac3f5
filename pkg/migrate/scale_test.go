package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// replicasOf returns the desired number of pods of an owner in the fake cluster.
func replicasOf(t *testing.T, api *fakeAPI, kind string) int64 {
	t.Helper()
	n, _, err := unstructured.NestedInt64(api.objects[objectKey(scalable()[kind], "shop", "web")].Object, "spec", "replicas")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestScaleDown: owners are scaled to 0 and up again, at whichever call the migration is killed.
func TestScaleDown(t *testing.T) {
	for _, kind := range sortedKeys(scalable()) {
		t.Run(kind, func(t *testing.T) {
			for at := 0; ; at++ { // 0 is never
				api, a := migrated(t)
				api.deploy(t, kind, "web")
				a.Scale = true
				dir := t.TempDir()
				api.killAt, api.after = at, at%2 == 0
				got := outcomes(run(t, api, a, dir, false, Selection{}))
				killed := strings.Contains(got, errKilled.Error())
				api.killAt = 0
				results := run(t, api, a, dir, false, Selection{})
				if got = outcomes(results); strings.Contains(got, ": ") {
					t.Errorf("killed at %d: %s", at, got)
				}
				checkAfterKill(t, api, true, results)
				if n := replicasOf(t, api, kind); n != 3 {
					t.Errorf("killed at %d: %d replicas at the end", at, n)
				}
				if annotations := api.objects[objectKey(scalable()[kind], "shop", "web")].GetAnnotations(); len(annotations) > 0 {
					t.Errorf("killed at %d: %v is left", at, annotations)
				}
				if at > 0 && !killed {
					return
				}
			}
		})
	}
}

// TestScaleDownDeletesClaims: a StatefulSet that deletes its claims when it is scaled down would delete the volumes with them.
func TestScaleDownDeletesClaims(t *testing.T) {
	api, a := migrated(t)
	api.deploy(t, "StatefulSet", "web")
	set := api.objects[objectKey(statefulSetsResource(), "shop", "web")]
	_ = unstructured.SetNestedField(set.Object, "Delete", "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled")
	a.Scale = true
	if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); !strings.Contains(got, "StatefulSet shop/web deletes its claims when it is scaled down") {
		t.Errorf("got %s", got)
	}
	if n := replicasOf(t, api, "StatefulSet"); n != 3 {
		t.Errorf("it has %d replicas", n)
	}
}

// TestCannotScale: pods that nothing would start again are not stopped.
func TestCannotScale(t *testing.T) {
	for name, owners := range map[string]string{
		"a pod without an owner": "[]", "of a DaemonSet": "[{kind: DaemonSet, name: d, controller: true}]", "of a Job": "[{kind: Job, name: j, controller: true}]",
	} {
		t.Run(name, func(t *testing.T) {
			api, a := migrated(t)
			a.Scale = true
			p := object(t, "{metadata: {namespace: shop, name: web, ownerReferences: "+owners+"}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}, status: {phase: Running}}")
			api.put(podsResource(), &p)
			if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); !strings.Contains(got, "pod shop/web") || !strings.Contains(got, "no owner that can be scaled") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestScaledByAnotherPlan: an owner that another plan scaled to 0 is scaled up by that plan only.
func TestScaledByAnotherPlan(t *testing.T) {
	api, a := migrated(t)
	api.deploy(t, "Deployment", "web")
	other := Applier{API: api, Plan: Plan{ID: "another"}}
	p := pod{Metadata: metadata{Namespace: "shop", Name: "web", OwnerReferences: []owner{{Kind: "ReplicaSet", Name: "web", Controller: true}}}}
	if err := other.scaleOwnerOf(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	a.Scale = true
	if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); got != "projects migrated; pvc-a migrated" {
		t.Errorf("got %s", got)
	}
	if n := replicasOf(t, api, "Deployment"); n != 0 {
		t.Errorf("this plan has scaled it to %d", n)
	}
	a.API = api
	if err := a.scaleOwnerOf(t.Context(), p); err == nil || !strings.Contains(err.Error(), `Deployment shop/web was scaled to 0 for the plan with the id "another"`) {
		t.Errorf("a pod of it that still runs: %v", err)
	}
	if err := other.ScaleUp(t.Context()); err != nil || replicasOf(t, api, "Deployment") != 3 {
		t.Errorf("%v: it has %d replicas", err, replicasOf(t, api, "Deployment"))
	}
}

// TestRolloutUndo: kubectl rollout undo brings back the annotations of a migration with the ReplicaSet that has them. An owner that
// has replicas is not taken for one that was scaled to 0.
func TestRolloutUndo(t *testing.T) {
	for _, by := range []string{"this", "another"} {
		api, a := migrated(t)
		api.deploy(t, "Deployment", "web")
		if by == "this" {
			by = a.Plan.ID
		}
		deployment := api.objects[objectKey(deploymentsResource(), "shop", "web")]
		deployment.SetAnnotations(map[string]string{AnnotationReplicas: "7", AnnotationScaledBy: by})
		a.API = api
		if err := a.ScaleUp(t.Context()); err != nil || replicasOf(t, api, "Deployment") != 3 || by == a.Plan.ID && len(deployment.GetAnnotations()) > 0 {
			t.Errorf("%s: %v, %d replicas, %v", by, err, replicasOf(t, api, "Deployment"), deployment.GetAnnotations())
		}
		deployment.SetAnnotations(map[string]string{AnnotationReplicas: "7", AnnotationScaledBy: by})
		a.Scale = true
		if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); got != "projects migrated; pvc-a migrated" {
			t.Errorf("%s: %s", by, got)
		}
		if n := replicasOf(t, api, "Deployment"); n != 3 {
			t.Errorf("%s: %d replicas at the end", by, n)
		}
	}
}

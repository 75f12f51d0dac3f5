package migrate

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// control does the work of kube-controller-manager and external-provisioner.
func (a *fakeAPI) control() {
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		object := a.objects[key]
		switch {
		case strings.HasPrefix(key, "persistentvolumes/"):
			if object.GetDeletionTimestamp() != nil && len(object.GetFinalizers()) == 0 {
				delete(a.objects, key)
				continue
			}
			a.reclaim(object)
		case strings.HasPrefix(key, "persistentvolumeclaims/"):
			a.bind(object)
		case strings.HasPrefix(key, "statefulsets/"), strings.HasPrefix(key, "replicasets/"):
			a.keepPods(object)
		case strings.HasPrefix(key, "deployments/"):
			a.keepReplicaSet(object)
		}
	}
}

func (a *fakeAPI) bind(object *unstructured.Unstructured) {
	c, _ := read[claim](*object)
	phase := "Lost"
	if pv := a.objects[objectKey(volumesResource(), "", c.Spec.VolumeName)]; pv != nil {
		view, _ := read[persistentVolume](*pv)
		if ref := view.Spec.ClaimRef; ref != nil && ref.UID == c.Metadata.UID {
			phase = "Bound"
			_ = unstructured.SetNestedField(pv.Object, "Bound", "status", "phase")
		}
	}
	// Kubernetes looks at a Lost claim when the claim changes, or much later.
	if was, _, _ := unstructured.NestedString(object.Object, "status", "phase"); was == "Lost" && !a.patched[object.GetName()] {
		phase = "Lost"
	}
	if phase == "Lost" {
		a.wasLost[object.GetName()]++
	} else {
		delete(a.patched, object.GetName())
	}
	_ = unstructured.SetNestedField(object.Object, phase, "status", "phase")
}

// reclaim deletes the volumes of released PersistentVolumes with the policy Delete.
func (a *fakeAPI) reclaim(object *unstructured.Unstructured) {
	pv, _ := read[persistentVolume](*object)
	ref := pv.Spec.ClaimRef
	if ref == nil || pv.Spec.ReclaimPolicy != policyDelete || pv.Spec.CSI == nil { // Kubernetes has deleted no in-tree volumes since 1.26
		return
	}
	c := a.objects[objectKey(claimsResource(), ref.Namespace, ref.Name)]
	if c == nil || string(c.GetUID()) != ref.UID {
		a.deleted[object.GetName()] = true
	}
}

// keepReplicaSet gives the ReplicaSet of a Deployment the Deployment's size. Both have the same name.
func (a *fakeAPI) keepReplicaSet(deployment *unstructured.Unstructured) {
	replicas, _, _ := unstructured.NestedInt64(deployment.Object, "spec", "replicas")
	set := a.objects[objectKey(replicaSetsResource(), deployment.GetNamespace(), deployment.GetName())]
	_ = unstructured.SetNestedField(set.Object, replicas, "spec", "replicas")
}

// keepPods creates the pod of a set that has replicas, and removes the pod of one that has none. The pod has the set's name and
// uses the claim data.
func (a *fakeAPI) keepPods(set *unstructured.Unstructured) {
	replicas, _, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
	key := objectKey(podsResource(), set.GetNamespace(), set.GetName())
	if replicas == 0 {
		delete(a.objects, key)
	} else if a.objects[key] == nil {
		a.put(podsResource(), &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"namespace": set.GetNamespace(), "name": set.GetName(), "ownerReferences": []any{
				map[string]any{"kind": set.GetKind(), "name": set.GetName(), "controller": true},
			}},
			"spec":   map[string]any{"volumes": []any{map[string]any{"name": "v", "persistentVolumeClaim": map[string]any{"claimName": "data"}}}},
			"status": map[string]any{"phase": "Running"},
		}})
	}
}

// deploy creates an owner with a pod that uses the claim shop/data.
func (a *fakeAPI) deploy(t *testing.T, kind, name string) {
	t.Helper()
	owner := object(t, "{kind: "+kind+", metadata: {namespace: shop, name: "+name+"}, spec: {replicas: 3}}")
	if kind == "Deployment" {
		set := object(t, "{kind: ReplicaSet, metadata: {namespace: shop, name: "+name+"}, spec: {replicas: 3}}")
		set.SetOwnerReferences([]metav1.OwnerReference{{Kind: kind, Name: name, Controller: new(true)}})
		a.put(replicaSetsResource(), &set)
	}
	a.put(scalable()[kind], &owner)
	a.control()
}

package chart

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// These are fields that Kubernetes does not allow to change in an existing object. An upgrade to a chart that renders them
// differently would fail; so they are repeated here, and must stay what they were in 0.1.0.
func TestWhatCannotBeUpgraded(t *testing.T) {
	selector := func(component string) any {
		return map[string]any{
			"app.kubernetes.io/name": "glusterfs-csi", "app.kubernetes.io/instance": "glusterfs-csi", "app.kubernetes.io/component": component,
		}
	}
	for _, r := range renderings() {
		t.Run(r.name, func(t *testing.T) {
			list := objects(t, r.render(t))
			node := only(t, list, "DaemonSet", "glusterfs-csi-node")
			same(t, node, selector("node"), "spec", "selector", "matchLabels")
			driver := only(t, list, "CSIDriver", driverName(r))
			same(t, driver, false, "spec", "attachRequired")
			same(t, driver, []any{"Persistent"}, "spec", "volumeLifecycleModes")
			if r.name == "static" {
				return
			}
			controller := only(t, list, "StatefulSet", "glusterfs-csi-controller")
			same(t, controller, selector("controller"), "spec", "selector", "matchLabels")
			same(t, controller, "glusterfs-csi-controller", "spec", "serviceName")
			same(t, controller, "Parallel", "spec", "podManagementPolicy")
			if _, found, _ := unstructured.NestedSlice(controller.Object, "spec", "volumeClaimTemplates"); found {
				t.Error("volumeClaimTemplates cannot be changed later")
			}
		})
	}
}

// A new chart version alone must not restart pods.
func TestPodsDoNotKnowTheChartsVersion(t *testing.T) {
	for _, r := range slices.Concat(renderings(), storageRenderings()) {
		for _, object := range objects(t, r.render(t)) {
			template := podTemplate(object)
			if template == nil {
				continue
			}
			for _, key := range []string{"helm.sh/chart", "app.kubernetes.io/version"} {
				if _, has := dig(t, template, "metadata", "labels").(map[string]any)[key]; has {
					t.Errorf("%s: pods of %s have the label %s", r.name, object.GetName(), key)
				}
			}
		}
	}
}

// If clients end with the node plugin, its pods are replaced by hand.
func TestHowNodePluginsAreReplaced(t *testing.T) {
	for _, r := range renderings() {
		want := "RollingUpdate"
		if r.name == "placement" {
			want = "OnDelete"
		}
		same(t, only(t, objects(t, r.render(t)), "DaemonSet", "glusterfs-csi-node"), want, "spec", "updateStrategy", "type")
	}
}

func driverName(r rendering) string {
	if r.name == "sidecars" {
		return "gluster.example.org"
	}
	return "glusterfs.csi.gluster.org"
}

func same(t *testing.T, object *unstructured.Unstructured, want any, path ...string) {
	t.Helper()
	if diff := cmp.Diff(want, dig(t, object.Object, path...)); diff != "" {
		t.Errorf("%s %s: %v: %s", object.GetKind(), object.GetName(), path, diff)
	}
}

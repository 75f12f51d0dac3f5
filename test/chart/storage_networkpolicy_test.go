package chart

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestWhoReachesHeketi compares the selectors of the policies with the labels of all pods of a release.
func TestWhoReachesHeketi(t *testing.T) {
	r := storageRenderings()[1]
	list := objects(t, r.renderAll(t))
	pods := podLabels(t, list)
	heketi := networkPolicy(t, list, "heketi")
	equal(t, "the policy heketi is for", selected(t, pods, &heketi.Spec.PodSelector), "heketi")
	if len(heketi.Spec.Ingress) != 1 || len(heketi.Spec.Ingress[0].Ports) != 1 || heketi.Spec.Ingress[0].Ports[0].Port.String() != "http" {
		t.Fatalf("ingress: %+v", heketi.Spec.Ingress)
	}
	var admitted, namespaces []string
	for _, peer := range heketi.Spec.Ingress[0].From {
		if peer.PodSelector != nil {
			admitted = append(admitted, selected(t, pods, peer.PodSelector)...)
		} else {
			namespaces = append(namespaces, peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
		}
	}
	slices.Sort(admitted)
	equal(t, "the policy heketi admits", admitted, "glusterfs-storage-glusterfs-csi-controller", "heketi-backup", jobName(t, list), "storage-teardown")
	equal(t, "the policy heketi admits the namespaces", namespaces, "monitoring")

	jobs := networkPolicy(t, list, "heketi-jobs")
	equal(t, "the policy heketi-jobs is for", selected(t, pods, &jobs.Spec.PodSelector), "heketi-backup", jobName(t, list), "storage-teardown")
	for _, policy := range []networkingv1.NetworkPolicy{heketi, jobs} {
		if !slices.Equal(policy.Spec.PolicyTypes, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}) {
			t.Errorf("%s limits %v", policy.Name, policy.Spec.PolicyTypes)
		}
	}
	if len(jobs.Spec.Ingress) > 0 {
		t.Errorf("the policy heketi-jobs admits %+v", jobs.Spec.Ingress)
	}
}

// TestAbsentDriverReachesHeketi: if the driver is installed in another way, a policy that admits no pods for it is refused.
func TestAbsentDriverReachesHeketi(t *testing.T) {
	const away = threeNodes + "glusterfs-csi: {enabled: false}\n"
	storageRefused(t, away+"heketi: {networkPolicy: {enabled: true}}", "heketi.networkPolicy.from: it is empty", "name its controller's pods")
	storageTaken(t, away+"heketi: {networkPolicy: {enabled: true, from: [{namespaceSelector: {}}]}}")
	storageTaken(t, away+"heketi: {networkPolicy: {enabled: false}}")
	storageTaken(t, threeNodes+"heketi: {networkPolicy: {enabled: true}}")
}

// podLabels returns the labels of the objects' pods, by the objects' names.
func podLabels(t *testing.T, list []*unstructured.Unstructured) map[string]labels.Set {
	t.Helper()
	pods := map[string]labels.Set{}
	for _, object := range list {
		template := podTemplate(object)
		if template == nil {
			continue
		}
		set := labels.Set{}
		for key, value := range dig(t, template, "metadata", "labels").(map[string]any) {
			set[key] = value.(string)
		}
		pods[object.GetName()] = set
	}
	return pods
}

// jobName returns the name of the setup Job, which depends on the values.
func jobName(t *testing.T, list []*unstructured.Unstructured) string {
	t.Helper()
	for _, object := range list {
		if object.GetKind() == "Job" {
			return object.GetName()
		}
	}
	t.Fatal("there is no Job")
	return ""
}

func networkPolicy(t *testing.T, list []*unstructured.Unstructured, name string) networkingv1.NetworkPolicy {
	t.Helper()
	var policy networkingv1.NetworkPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(only(t, list, "NetworkPolicy", name).Object, &policy); err != nil {
		t.Fatal(err)
	}
	return policy
}

func selected(t *testing.T, pods map[string]labels.Set, by *metav1.LabelSelector) []string {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, set := range pods {
		if selector.Matches(set) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}

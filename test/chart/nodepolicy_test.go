package chart

import (
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const ownTaint = "glusterfs.csi.gluster.org/agent-not-ready"

func taintedNode(t *testing.T) *corev1.Node {
	t.Helper()
	return decode[corev1.Node](t, `
metadata: {name: node1, labels: {zone: a}}
spec:
  podCIDR: 10.1.0.0/24
  taints:
    - {key: %s, effect: NoSchedule}
    - {key: node-role.kubernetes.io/control-plane, effect: NoSchedule}
    - {key: dedicated, value: database, effect: NoExecute, timeAdded: "2026-01-01T00:00:00Z"}
`, ownTaint)
}

func TestNodePluginRemovesItsTaint(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-node.glusterfs.csi.gluster.org")
	for name, tt := range map[string]struct {
		change func(*corev1.Node)
		want   string
	}{
		"its taint":     {func(n *corev1.Node) { n.Spec.Taints = n.Spec.Taints[1:] }, ""},
		"nothing":       {func(*corev1.Node) {}, ""},
		"another taint": {func(n *corev1.Node) { n.Spec.Taints = n.Spec.Taints[:2] }, "change no taint"},
		"all taints":    {func(n *corev1.Node) { n.Spec.Taints = nil }, "change no taint"},
		"a new taint": {func(n *corev1.Node) {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "x", Effect: "NoExecute"})
		}, "change no taint"},
		"its taint, new effect": {func(n *corev1.Node) { n.Spec.Taints[0].Effect = "NoExecute" }, "change no taint"},
		"another taint's value": {func(n *corev1.Node) { n.Spec.Taints[2].Value = "web" }, "change no taint"},
		"a label":               {func(n *corev1.Node) { n.Labels["zone"] = "b" }, "no label"},
		"an annotation":         {func(n *corev1.Node) { n.Annotations = map[string]string{"a": "b"} }, "no label"},
		"a finalizer":           {func(n *corev1.Node) { n.Finalizers = []string{"example.org/x"} }, "no label"},
		"an owner":              {func(n *corev1.Node) { n.OwnerReferences = []metav1.OwnerReference{{Name: "gone"}} }, "no label"},
		"another node":          {func(n *corev1.Node) { n.Name = "node2" }, "no other node"},
	} {
		node := taintedNode(t)
		tt.change(node)
		refuses(t, name, p.check(t, nodeRequest("node1"), node, taintedNode(t)), tt.want)
	}
	refuses(t, "a token of no node", p.check(t, requestOf("node", admissionv1.Update), taintedNode(t), taintedNode(t)), "no other node")
	refuses(t, "another account", p.check(t, requestOf("controller", admissionv1.Update), &corev1.Node{}, taintedNode(t)), "")
}

// The test covers every field of a node's spec: if Kubernetes adds a field, the test fails until the field has a value here.
func TestNodePluginChangesNoOtherField(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-node.glusterfs.csi.gluster.org")
	changed := reflect.ValueOf(*decode[corev1.NodeSpec](t, `{podCIDR: 10.9.0.0/24, podCIDRs: [10.9.0.0/24], providerID: x, unschedulable: true,
		externalID: x, configSource: {}, podPreemptionPolicy: {}}`))
	for i := range changed.NumField() {
		name := changed.Type().Field(i).Name
		if name == "Taints" {
			continue
		}
		if changed.Field(i).IsZero() {
			t.Fatalf("%s is new: give it a value above", name)
		}
		node := taintedNode(t)
		reflect.ValueOf(&node.Spec).Elem().Field(i).Set(changed.Field(i))
		refuses(t, name, p.check(t, nodeRequest("node1"), node, taintedNode(t)), "nothing of a node's spec")
		refuses(t, name+" taken away", p.check(t, nodeRequest("node1"), taintedNode(t), node), "nothing of a node's spec")
	}
}

// nodeRequest returns a request of a node plugin, whose token names the node that its pod runs on.
func nodeRequest(node string) admissionv1.AdmissionRequest {
	request := requestOf("node", admissionv1.Update)
	request.UserInfo.Extra = map[string]authenticationv1.ExtraValue{"authentication.kubernetes.io/node-name": {node}}
	return request
}

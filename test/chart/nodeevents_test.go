package chart

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// ownEvent returns an event as the node plugin creates it.
func ownEvent(t *testing.T, reason string) *corev1.Event {
	t.Helper()
	return decode[corev1.Event](t, `
metadata: {namespace: team-a, name: web-0.18a2}
involvedObject: {apiVersion: v1, kind: Pod, namespace: team-a, name: web-0, uid: u}
type: Warning
reason: %s
message: the mount at /data does not work
count: 1
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
source: {component: glusterfs.csi.gluster.org, host: node1}
reportingComponent: glusterfs.csi.gluster.org
reportingInstance: node1
`, reason)
}

func TestNodePluginCreatesItsEvents(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-events.glusterfs.csi.gluster.org")
	const onlyAsItself, onlyItsNode, onlyAbout, onlyReasons, onlyPlain = "only as glusterfs.csi.gluster.org", "only for the node", "only about pods",
		"only with the reasons", "only with a message below"
	create := nodeRequest("node1")
	create.Operation = admissionv1.Create
	for name, tt := range map[string]struct {
		change func(*corev1.Event)
		want   string
	}{
		"about a pod": {func(*corev1.Event) {}, ""},
		"about a PersistentVolume": {func(e *corev1.Event) {
			e.InvolvedObject = corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolume", Name: "x"}
		}, ""},
		"that is normal":             {func(e *corev1.Event) { e.Type = "Normal" }, ""},
		"without message":            {func(e *corev1.Event) { e.Message = "" }, ""},
		"of the kubelet":             {func(e *corev1.Event) { e.Source.Component = "kubelet" }, onlyAsItself},
		"of another controller":      {func(e *corev1.Event) { e.ReportingController = "scheduler" }, onlyAsItself},
		"without a source":           {func(e *corev1.Event) { e.Source, e.ReportingController = corev1.EventSource{}, "" }, onlyAsItself},
		"of another host":            {func(e *corev1.Event) { e.Source.Host = "node2" }, onlyItsNode},
		"of another instance":        {func(e *corev1.Event) { e.ReportingInstance = "node2" }, onlyItsNode},
		"of no node":                 {func(e *corev1.Event) { e.Source.Host, e.ReportingInstance = "", "" }, onlyItsNode},
		"about a node":               {func(e *corev1.Event) { e.InvolvedObject.Kind = "Node" }, onlyAbout},
		"about a pod of another API": {func(e *corev1.Event) { e.InvolvedObject.APIVersion = "example.org/v1" }, onlyAbout},
		"about nothing":              {func(e *corev1.Event) { e.InvolvedObject = corev1.ObjectReference{} }, onlyAbout},
		"with another reason":        {func(e *corev1.Event) { e.Reason = "Evicted" }, onlyReasons},
		"without reason":             {func(e *corev1.Event) { e.Reason = "" }, onlyReasons},
		"with another type":          {func(e *corev1.Event) { e.Type = "Error" }, onlyReasons},
		"as long as may be":          {func(e *corev1.Event) { e.Message = strings.Repeat("x", 1023) }, ""},
		"longer":                     {func(e *corev1.Event) { e.Message = strings.Repeat("x", 1024) }, onlyPlain},
		"with a label":               {func(e *corev1.Event) { e.Labels = map[string]string{"a": "b"} }, onlyPlain},
		"with an annotation":         {func(e *corev1.Event) { e.Annotations = map[string]string{"a": "b"} }, onlyPlain},
		"with a finalizer":           {func(e *corev1.Event) { e.Finalizers = []string{"example.org/x"} }, onlyPlain},
		"with an owner":              {func(e *corev1.Event) { e.OwnerReferences = []metav1.OwnerReference{{Name: "x"}} }, onlyPlain},
		"with another object":        {func(e *corev1.Event) { e.Related = &corev1.ObjectReference{Kind: "Node"} }, onlyPlain},
		"with an action":             {func(e *corev1.Event) { e.Action = "x" }, onlyPlain},
	} {
		event := ownEvent(t, kube.MountNotHealed)
		tt.change(event)
		refuses(t, name, p.check(t, create, event, nil), tt.want)
	}
	event := ownEvent(t, kube.MountHealed)
	elsewhere := nodeRequest("node2")
	elsewhere.Operation = admissionv1.Create
	refuses(t, "a token of another node", p.check(t, elsewhere, event, nil), onlyItsNode)
	refuses(t, "a token of no node", p.check(t, requestOf("node", admissionv1.Create), event, nil), onlyItsNode)
	refuses(t, "a change", p.check(t, nodeRequest("node1"), event, event), "change no event")
	refuses(t, "another account", p.check(t, requestOf("controller", admissionv1.Create), &corev1.Event{}, nil), "")
}

// The policy allows exactly the driver's reasons.
func TestPolicyKnowsTheReasons(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-events.glusterfs.csi.gluster.org")
	create := nodeRequest("node1")
	create.Operation = admissionv1.Create
	reasons := []string{kube.ClientEnded, kube.MountHealed, kube.MountNotHealed, kube.MountsRestored, kube.WroteBelowMount}
	for _, reason := range reasons {
		refuses(t, reason, p.check(t, create, ownEvent(t, reason), nil), "")
	}
	text := read(t, filepath.Join(chartDir, "templates/node-events-policy.yaml"))
	_, list, _ := strings.Cut(text, `dyn(object).?reason.orValue("") in [`)
	list, _, _ = strings.Cut(list, "]")
	listed := strings.Split(strings.ReplaceAll(list, `"`, ""), ", ")
	slices.Sort(listed)
	if diff := cmp.Diff(reasons, listed); diff != "" {
		t.Errorf("the driver's (-), the policy's (+):\n%s", diff)
	}
}

// The node plugin has exactly the permissions that its values require.
func TestNodePluginsPermissions(t *testing.T) {
	for values, want := range map[string]string{
		"{}":                           "[csinodes get nodes get nodes patch events create]",
		"{events: false}":              "[csinodes get nodes get nodes patch]",
		"{removeNotReadyTaint: false}": "[events create]",
	} {
		r := rendering{values: filepath.Join(t.TempDir(), "values.yaml")}
		write(t, r.values, "node: "+values)
		rules := dig(t, only(t, objects(t, r.render(t)), "ClusterRole", "glusterfs-csi-node").Object, "rules").([]any)
		granted := make([]string, 0, len(rules))
		for _, rule := range rules {
			granted = append(granted, grants(rule.(map[string]any))...)
		}
		if got := fmt.Sprint(granted); got != want {
			t.Errorf("%s: %s, want %s", values, got, want)
		}
	}
}

package kube

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestSecret: a change sets the given values and keeps the others.
func TestSecret(t *testing.T) {
	client, _ := newFakeCluster(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: storage, resourceVersion: "7", annotations: {a: "1", b: "2"}}, data: {x: cmVjb3Jkcw==, z: bW9yZQ==}}`)
	got, err := client.Secret(t.Context(), "storage", "s")
	if err != nil || string(got.Data["x"]) != "records" || got.Annotations["a"] != "1" || got.Version != "7" {
		t.Fatalf("%+v, %v", got, err)
	}
	change := Secret{Data: map[string][]byte{"x": []byte("other")}, Annotations: map[string]string{"a": "", "c": "3"}}
	if err := client.ChangeSecret(t.Context(), "storage", "s", change); err != nil {
		t.Fatal(err)
	}
	got, err = client.Secret(t.Context(), "storage", "s")
	if err != nil || string(got.Data["x"]) != "other" || string(got.Data["z"]) != "more" || !reflect.DeepEqual(got.Annotations, map[string]string{"b": "2", "c": "3"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client.Secret(t.Context(), "storage", "missing"); !IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if err := client.ChangeSecret(t.Context(), "storage", "missing", change); !IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

func TestSecretThatIsUnreadable(t *testing.T) {
	client, _ := newFakeCluster(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: storage}, data: {x: "%"}}`)
	if _, err := client.Secret(t.Context(), "storage", "s"); err == nil || !strings.Contains(err.Error(), "secret storage/s: x: illegal base64") {
		t.Errorf("%v", err)
	}
}

func TestClaim(t *testing.T) {
	client, api := newFakeCluster(t)
	phase := func(want string) {
		t.Helper()
		if got, err := client.ClaimPhase(t.Context(), "storage", "heketi-db"); err != nil || got != want {
			t.Errorf("%q, want %q; %v", got, want, err)
		}
	}
	phase("")
	claim := Claim{Namespace: "storage", Name: "heketi-db", Volume: "storage-heketidbstorage", AccessMode: "ReadWriteOncePod", Size: "2Gi", Labels: map[string]string{"a": "b"}}
	for range 2 { // the second time it already exists
		if err := client.CreateClaim(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	phase("Pending")
	claims := api.Resource(schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}).Namespace("storage")
	object, err := claims.Get(t.Context(), "heketi-db", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"accessModes": []any{"ReadWriteOncePod"}, "resources": map[string]any{"requests": map[string]any{"storage": "2Gi"}},
		"storageClassName": "", "volumeName": "storage-heketidbstorage",
	}
	if !reflect.DeepEqual(object.Object["spec"], want) || object.GetLabels()["a"] != "b" {
		t.Errorf("%v", object)
	}
	for _, status := range []string{"Bound", "Lost"} {
		if err := unstructured.SetNestedField(object.Object, status, "status", "phase"); err != nil {
			t.Fatal(err)
		}
		if _, err := claims.Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		phase(status)
	}
}

func TestDeleteClaim(t *testing.T) {
	client, api := newFakeCluster(t, `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: heketi-db, namespace: storage}}`)
	for range 2 { // the second time it is already gone
		if err := client.DeleteClaim(t.Context(), "storage", "heketi-db"); err != nil {
			t.Fatal(err)
		}
	}
	if phase, err := client.ClaimPhase(t.Context(), "storage", "heketi-db"); err != nil || phase != "" {
		t.Errorf("%q, %v", phase, err)
	}
	failFirst(api, "delete", "persistentvolumeclaims", errors.New("no"))
	if err := client.DeleteClaim(t.Context(), "storage", "heketi-db"); err == nil || !strings.Contains(err.Error(), "no") {
		t.Errorf("%v", err)
	}
}

func TestReplicas(t *testing.T) {
	client, api := newFakeCluster(t, `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: heketi, namespace: storage}, spec: {replicas: 1}}`)
	replicas := func(name string, want int) {
		t.Helper()
		if got, err := client.Replicas(t.Context(), "storage", name); err != nil || got != want {
			t.Errorf("%s: %d, want %d; %v", name, got, want, err)
		}
	}
	replicas("heketi", 1)
	if err := client.SetReplicas(t.Context(), "storage", "heketi", 0); err != nil {
		t.Fatal(err)
	}
	replicas("heketi", 0)
	replicas("missing", 0)
	for _, action := range api.Actions() {
		if action.GetSubresource() != "scale" {
			t.Errorf("%s of more than the scale", action.GetVerb())
		}
	}
}

// TestSecretIsEmptied: nil removes a key.
func TestSecretIsEmptied(t *testing.T) {
	client, _ := newFakeCluster(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: storage}, data: {x: cmVjb3Jkcw==, z: bW9yZQ==}}`)
	if err := client.ChangeSecret(t.Context(), "storage", "s", Secret{Data: map[string][]byte{"x": nil}}); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Secret(t.Context(), "storage", "s"); err != nil || len(got.Data) != 1 || string(got.Data["z"]) != "more" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNodes(t *testing.T) {
	client, _ := newFakeCluster(t, `{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {storagenode: glusterfs}}}`, `{apiVersion: v1, kind: Node, metadata: {name: n2}}`)
	got, err := client.Nodes(t.Context())
	if err != nil || !reflect.DeepEqual(got, []Node{{Name: "n1", Labels: map[string]string{"storagenode": "glusterfs"}}, {Name: "n2"}}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPods(t *testing.T) {
	const ready = `conditions: [{type: PodScheduled, status: "True"}, {type: Ready, status: "True"}]`
	for name, tt := range map[string]struct {
		pod  string
		want Pod
	}{
		"ready": {`{spec: {nodeName: n1}, status: {phase: Running, ` + ready + `}}`, Pod{Node: "n1", Ready: true}},
		"being deleted": {
			`{metadata: {deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {nodeName: n1}, status: {phase: Running, ` + ready + `}}`,
			Pod{Node: "n1", Why: "it is being deleted"},
		},
		"not scheduled": {
			`{status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", message: "0/3 nodes are available"}]}}`,
			Pod{Why: "0/3 nodes are available"},
		},
		"no image": {
			`{spec: {nodeName: n1}, status: {phase: Pending, containerStatuses: [{name: glusterfs, ready: false, state: {waiting: {reason: ImagePullBackOff, message: "no such image"}}}]}}`,
			Pod{Node: "n1", Why: "container glusterfs is waiting: ImagePullBackOff: no such image"},
		},
		"an init container": {
			`{status: {phase: Pending, initContainerStatuses: [{name: restore, state: {waiting: {reason: CrashLoopBackOff}}}], containerStatuses: [{name: heketi, state: {waiting: {reason: PodInitializing}}}]}}`,
			Pod{Why: "container restore is waiting: CrashLoopBackOff"},
		},
		"restarted": {
			`{spec: {nodeName: n1}, status: {phase: Running, containerStatuses: [{name: glusterfs, ready: false, restartCount: 3}]}}`,
			Pod{Node: "n1", Why: "container glusterfs is not ready; it was restarted 3 times"},
		},
		"started, not ready": {
			`{spec: {nodeName: n1}, status: {phase: Running, containerStatuses: [{name: glusterfs, ready: false, started: true, restartCount: 1}]}}`,
			Pod{Node: "n1", Started: true, Why: "container glusterfs is not ready; it was restarted 1 times"},
		},
		"one of two started": {
			`{spec: {nodeName: n1}, status: {phase: Running, containerStatuses: [{name: glusterfs, started: true}, {name: another, started: false, state: {waiting: {reason: CrashLoopBackOff}}}]}}`,
			Pod{Node: "n1", Why: "container another is waiting: CrashLoopBackOff"},
		},
		"started, and being deleted": {
			`{metadata: {deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {nodeName: n1}, status: {phase: Running, containerStatuses: [{name: glusterfs, ready: true, started: true}]}}`,
			Pod{Node: "n1", Why: "it is being deleted"},
		},
		"probes": {
			`{spec: {nodeName: n1}, status: {phase: Running, conditions: [{type: Ready, status: "False", message: "containers with unready status: [glusterfs]"}, {type: ContainersReady, status: "False", message: "containers with unready status: [glusterfs]"}]}}`,
			Pod{Node: "n1", Why: "containers with unready status: [glusterfs]"},
		},
		"evicted": {`{spec: {nodeName: n1}, status: {phase: Failed, reason: Evicted, message: "disk pressure"}}`, Pod{Node: "n1", Why: "its phase is Failed: Evicted disk pressure", Ended: true}},
		"new":     {`{status: {phase: Pending}}`, Pod{Why: "its phase is Pending"}},
	} {
		object := parse(t, tt.pod)
		object.SetName("p")
		tt.want.Name = "p"
		if got, err := newPod(*object); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	client, _ := newFakeCluster(t,
		`{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: storage, labels: {glusterfs-node: pod}}}`, `{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: storage}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: other, labels: {glusterfs-node: pod}}}`)
	if got, err := client.Pods(t.Context(), "storage", "glusterfs-node"); err != nil || len(got) != 1 || got[0].Name != "a" {
		t.Errorf("%+v, %v", got, err)
	}
}

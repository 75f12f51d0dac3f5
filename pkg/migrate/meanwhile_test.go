package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// meanwhile is an API server with a hook before each call.
type meanwhile struct {
	*fakeAPI
	before func(call string) error // the argument is "verb resource/name"; an error is the call's answer
}

func (m meanwhile) Get(ctx context.Context, of kube.Resource, namespace, name string) (*unstructured.Unstructured, error) {
	if err := m.before("get " + of.Name + "/" + name); err != nil {
		return nil, err
	}
	return m.fakeAPI.Get(ctx, of, namespace, name)
}

func (m meanwhile) List(ctx context.Context, of kube.Resource, namespace, kind string, keep func(unstructured.Unstructured) bool) ([]unstructured.Unstructured, error) {
	if err := m.before("list " + of.Name); err != nil {
		return nil, err
	}
	return m.fakeAPI.List(ctx, of, namespace, kind, keep)
}

func (m meanwhile) Create(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) error {
	if err := m.before("create " + of.Name + "/" + object.GetName()); err != nil {
		return err
	}
	return m.fakeAPI.Create(ctx, of, object)
}

func (m meanwhile) Patch(ctx context.Context, of kube.Resource, namespace, name string, patch []byte) error {
	if err := m.before("patch " + of.Name + "/" + name); err != nil {
		return err
	}
	return m.fakeAPI.Patch(ctx, of, namespace, name, patch)
}

// run opens the journal again, as a new process would, and applies the plan.
func (m meanwhile) run(t *testing.T, a Applier, dir string) (string, error) {
	t.Helper()
	var results []Result
	a.API, a.Journal, a.Report = m, openJournalOf(t, dir+"/journal", a.Plan.ID), func(r Result) { results = append(results, r) }
	defer func() { _ = a.Journal.Close() }()
	err := a.Apply(t.Context(), Selection{})
	if missing := a.ReportMissing(t.Context()); missing != nil {
		t.Error(missing)
	}
	return outcomes(results), err
}

func (a *fakeAPI) pv(name string) *unstructured.Unstructured {
	return a.objects[objectKey(volumesResource(), "", name)]
}

// TestDeletedMeanwhile: a PersistentVolume that is deleted while apply checks it keeps its finalizers and its claim.
func TestDeletedMeanwhile(t *testing.T) {
	api, a := migrated(t)
	m := meanwhile{api, func(call string) error {
		if pv := api.pv("pvc-a"); call == "list pods" && !isDeleting(pv) {
			return api.Delete(t.Context(), volumesResource(), "", "pvc-a", string(pv.GetUID()))
		}
		return nil
	}}
	got, err := m.run(t, a, t.TempDir())
	if err != nil || !strings.Contains(got, "pvc-a refused") || !strings.Contains(got, "it is being deleted") {
		t.Errorf("%v, %s", err, got)
	}
	if pv := api.pv("pvc-a"); pv == nil || len(pv.GetFinalizers()) == 0 || api.wasLost["data"] > 0 {
		t.Errorf("it was swapped: %v", pv)
	}
}

// TestFinalizerSinceThePlan: a PersistentVolume that another program has given a finalizer is not replaced, because that program
// may still need it.
func TestFinalizerSinceThePlan(t *testing.T) {
	for _, back := range []bool{false, true} {
		api, a := migrated(t)
		dir := t.TempDir()
		if back {
			run(t, api, a, dir, false, Selection{})
		}
		pv := api.pv("pvc-a")
		pv.SetFinalizers(append(pv.GetFinalizers(), "backup.example.org/hold"))
		if got := outcomes(run(t, api, a, dir, back, Selection{})); !strings.Contains(got, "finalizer of another program: backup.example.org/hold") {
			t.Errorf("back %t: %s", back, got)
		}
		if isDeleting(api.pv("pvc-a")) {
			t.Errorf("back %t: it is being deleted", back)
		}
	}
}

// TestErrorsThatPass: a deleted object is created again even if the API server fails, or connections are lost, for a while.
func TestErrorsThatPass(t *testing.T) {
	for _, failure := range []error{apierrors.NewServiceUnavailable("etcd has no leader"), fmt.Errorf("%w: http2: client connection lost", kube.ErrNoAnswer)} {
		api, a := migrated(t)
		failures := 30
		m := meanwhile{api, func(string) error {
			if api.pv("pvc-a") == nil && failures > 0 {
				failures--
				return failure
			}
			return nil
		}}
		if got, err := m.run(t, a, t.TempDir()); err != nil || got != "projects migrated; pvc-a migrated" || failures > 0 {
			t.Errorf("%v, %s; %d failures are left", err, got, failures)
		}
		api, a = withClass(t)
		failures = 30
		m = meanwhile{api, func(string) error {
			if api.objects[objectKey(classesResource(), "", "gluster")] == nil && failures > 0 {
				failures--
				return failure
			}
			return nil
		}}
		if got := applyClasses(t, m, a); got != "StorageClass gluster migrated" || failures > 0 {
			t.Errorf("%s; %d failures are left", got, failures)
		}
	}
}

// TestClassThatIsNotMadeAgain: if a deleted class cannot be created again, no other class is deleted.
func TestClassThatIsNotMadeAgain(t *testing.T) {
	api, a := withClass(t)
	second := (&unstructured.Unstructured{Object: a.Plan.Classes[0].Backup}).DeepCopy()
	second.SetName("second")
	api.put(classesResource(), second)
	replacement := (&unstructured.Unstructured{Object: a.Plan.Classes[0].Replacement}).DeepCopy()
	replacement.SetName("second")
	a.Plan.Classes = append(a.Plan.Classes, ClassPlan{Name: "second", Action: Migrate, Backup: second.Object, Replacement: replacement.Object})
	m := meanwhile{api, func(call string) error {
		if call == "create storageclasses/gluster" {
			return errors.New("the certificate has expired")
		}
		return nil
	}}
	a.API, a.Journal, a.Report = m, openJournalOf(t, t.TempDir()+"/journal", a.Plan.ID), func(Result) {}
	defer func() { _ = a.Journal.Close() }()
	if err := a.ApplyClasses(t.Context()); err == nil || !strings.Contains(err.Error(), "StorageClass gluster: the certificate has expired; fix this") {
		t.Errorf("got %v", err)
	}
	if left := api.objects[objectKey(classesResource(), "", "second")]; left == nil || !sameClass(left.Object, second.Object) {
		t.Errorf("the second class was replaced: %v", left)
	}
	// A class whose deletion is refused is still there, and the run continues.
	api.refusesDelete, a.API = apierrors.NewForbidden(schema.GroupResource{Resource: "storageclasses"}, "second", errors.New("a webhook refuses it")), refusesRealDeletes{api}
	a.Plan.Classes = a.Plan.Classes[1:]
	if err := a.ApplyClasses(t.Context()); err != nil || a.Journal.has(classEntry("second")) {
		t.Errorf("a refused deletion: %v, in the journal: %t", err, a.Journal.has(classEntry("second")))
	}
}

// refusesRealDeletes accepts deletions in dry runs only, as webhooks that are not called for dry runs do.
type refusesRealDeletes struct{ *fakeAPI }

func (refusesRealDeletes) DryRunDelete(context.Context, kube.Resource, string, string, string) error {
	return nil
}

// TestErrorThatStays: if a deleted object cannot be created again, nothing else is deleted, and the error names the object.
func TestErrorThatStays(t *testing.T) {
	for _, call := range []string{"create persistentvolumes/projects", "get persistentvolumes/projects"} {
		api, a := migrated(t)
		m := meanwhile{api, func(now string) error {
			if api.pv("projects") == nil && now == call {
				return errors.New("the certificate has expired")
			}
			return nil
		}}
		dir := t.TempDir()
		a.Report = func(Result) {}
		a.API, a.Journal = m, openJournalOf(t, dir+"/journal", a.Plan.ID)
		if err := a.Apply(t.Context(), Selection{}); err == nil || !strings.Contains(err.Error(), "projects") || !strings.Contains(err.Error(), "fix this") {
			t.Errorf("%s: %v", call, err)
		}
		_ = a.Journal.Close()
		if isOfDriver(api.pv("pvc-a").Object) {
			t.Errorf("%s: the next one was swapped", call)
		}
		if got := outcomes(run(t, api, a, dir, false, Selection{})); got != "projects migrated; pvc-a migrated" {
			t.Errorf("%s: the next run: %s", call, got)
		}
	}
}

// TestRetainSinceThePlan: if an administrator has set Retain since the plan was made, the policy stays Retain, at whichever call
// the migration is killed. A Retain that the migration itself set does not count, unless that is not certain.
func TestRetainSinceThePlan(t *testing.T) {
	for _, protected := range []bool{true, false} {
		for at := range 60 {
			api, a := migrated(t)
			if protected {
				_ = unstructured.SetNestedField(api.pv("pvc-a").Object, policyRetain, "spec", "persistentVolumeReclaimPolicy")
			}
			dir := t.TempDir()
			api.killAt, api.after = at, at%2 == 0
			run(t, api, a, dir, false, Selection{})
			api.killAt = 0
			results := run(t, api, a, dir, false, Selection{})
			if want := map[bool]string{true: policyRetain, false: policyDelete}[protected || keptRetain(results)]; policyOf(api.pv("pvc-a").Object) != want {
				t.Fatalf("protected: %t, killed at %d: %s, and the policy is not %s", protected, at, outcomes(results), want)
			}
		}
	}
}

// TestRefusedDeletion: a deletion that the API server refused leaves no trace. A later deletion by an administrator is intended.
func TestRefusedDeletion(t *testing.T) {
	api, a := migrated(t)
	dir := t.TempDir()
	api.refusesDelete = apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumes"}, "pvc-a", errors.New("a webhook refuses it"))
	run(t, api, a, dir, false, Selection{})
	api.refusesDelete = nil
	delete(api.objects, objectKey(volumesResource(), "", "pvc-a"))
	if got := outcomes(run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})); !strings.Contains(got, "pvc-a refused") || api.pv("pvc-a") != nil {
		t.Errorf("got %s", got)
	}
}

// TestClaimIsTouchedAfterwards: the claim is touched only after Kubernetes has seen the new PersistentVolume.
func TestClaimIsTouchedAfterwards(t *testing.T) {
	api, a := migrated(t)
	looks := 0
	m := meanwhile{api, func(call string) error {
		pv := api.pv("pvc-a")
		if pv == nil || !isOfDriver(pv.Object) {
			return nil
		}
		phase, _, _ := unstructured.NestedString(pv.Object, "status", "phase")
		switch call {
		case "get persistentvolumes/pvc-a":
			if looks++; looks < 5 {
				_ = unstructured.SetNestedField(pv.Object, "Pending", "status", "phase")
			}
		case "patch persistentvolumeclaims/data":
			if phase != phaseBound {
				t.Errorf("touched while the PersistentVolume is %s", phase)
			}
		}
		return nil
	}}
	if got, err := m.run(t, a, t.TempDir()); err != nil || got != "projects migrated; pvc-a migrated" || looks < 5 {
		t.Errorf("%v, %s; %d looks", err, got, looks)
	}
}

// TestClassMadeMeanwhile: a StorageClass that another program recreates is not migrated, and one whose replacement the API server
// would refuse is kept.
func TestClassMadeMeanwhile(t *testing.T) {
	api, a := withClass(t)
	m := meanwhile{api, func(call string) error {
		if name, found := strings.CutPrefix(call, "create storageclasses/"); found {
			backup := a.Plan.Classes[slices.IndexFunc(a.Plan.Classes, func(c ClassPlan) bool { return c.Name == name })].Backup
			api.put(classesResource(), &unstructured.Unstructured{Object: backup})
		}
		return nil
	}}
	if got := applyClasses(t, m, a); !strings.Contains(got, "another program has made it again") {
		t.Errorf("got %s", got)
	}
	api, a = withClass(t)
	api.refuses = errors.New("a webhook refuses it")
	if got := applyClasses(t, api, a); !strings.Contains(got, "nothing was changed") {
		t.Errorf("got %s", got)
	}
	for _, c := range a.Plan.Classes {
		if api.objects[objectKey(classesResource(), "", c.Name)] == nil {
			t.Errorf("class %s is gone", c.Name)
		}
	}
}

func applyClasses(t *testing.T, api API, a Applier) string {
	t.Helper()
	var results []Result
	a.API, a.Journal, a.Report = api, openJournalOf(t, t.TempDir()+"/journal", a.Plan.ID), func(r Result) { results = append(results, r) }
	defer func() { _ = a.Journal.Close() }()
	if err := a.ApplyClasses(t.Context()); err != nil {
		t.Error(err)
	}
	return outcomes(results)
}

// TestMayHaveMounts: the kubelet mounts volumes before it pulls images, and reports ContainerCreating until it has pulled them. So a
// pending pod that has a node may have a volume that can be mounted; it cannot have one of the in-tree plugin.
func TestMayHaveMounts(t *testing.T) {
	const creating = "containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]"
	for _, tc := range []struct {
		spec, status    string
		inTree, mounted bool // whether the pod may have a volume of the in-tree plugin, and one of the driver
	}{
		{"{}", "{phase: Running}", true, true},
		{"{}", "{phase: Unknown}", true, true},
		{"{nodeName: n1}", "{phase: Succeeded}", false, false},
		{"{nodeName: n1}", "{phase: Failed}", false, false},
		{"{}", "{phase: Pending}", false, false},
		{"{nodeName: n1}", "{phase: Pending}", false, true},
		{"{nodeName: n1}", "{phase: Pending, " + creating + "}", false, true},
		{"{nodeName: n1}", "{phase: Pending, conditions: [{type: PodReadyToStartContainers, status: 'False'}], " + creating + "}", false, true},
		{"{nodeName: n1}", "{phase: Pending, conditions: [{type: PodReadyToStartContainers, status: 'True'}], " + creating + "}", true, true},
		{"{}", "{phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff}}}]}", true, true},
		{"{}", "{phase: Pending, initContainerStatuses: [{state: {running: {}}}]}", true, true},
		{"{}", "{phase: Pending, initContainerStatuses: [{state: {terminated: {}}}], containerStatuses: [{state: {waiting: {reason: PodInitializing}}}]}", true, true},
		{"{}", "{phase: Pending, initContainerStatuses: [{state: {waiting: {}}}], containerStatuses: [{state: {waiting: {reason: PodInitializing}}}, {state: {}}]}", false, false},
	} {
		p, err := read[pod](object(t, "{metadata: {name: p}, spec: "+tc.spec+", status: "+tc.status+"}"))
		if err != nil || p.mayHaveMounts(false) != tc.inTree || p.mayHaveMounts(true) != tc.mounted {
			t.Errorf("%s, %s: in-tree %t, of the driver %t, %v", tc.spec, tc.status, p.mayHaveMounts(false), p.mayHaveMounts(true), err)
		}
	}
}

// TestPodThatStarts: a pod that is being started prevents a rollback, but not a migration, whose volume it waits for.
func TestPodThatStarts(t *testing.T) {
	api, a := migrated(t)
	p := object(t, `{metadata: {namespace: shop, name: web}, spec: {nodeName: n1, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}, status: {phase: Pending}}`)
	api.put(podsResource(), &p)
	dir := t.TempDir()
	if got := outcomes(run(t, api, a, dir, false, Selection{})); got != "projects migrated; pvc-a migrated" {
		t.Errorf("got %s", got)
	}
	if got := outcomes(run(t, api, a, dir, true, Selection{})); !strings.Contains(got, "projects rolled back; pvc-a failed: pods use its claim shop/data: web") {
		t.Errorf("back: %s", got)
	}
}

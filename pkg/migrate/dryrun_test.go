package migrate

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// dryRun runs everything that a command does, and checks that the cluster and the disk do not change.
func dryRun(t *testing.T, api *fakeAPI, a Applier, back bool) (results []Result, endpoints int) {
	t.Helper()
	dir := t.TempDir()
	journal, err := ReadJournal(filepath.Join(dir, "journal"), a.Plan.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a.Journal == nil {
		a.Journal = journal
	}
	a.API, a.DryRun, a.Report = api, true, func(r Result) { results = append(results, r) }
	api.control() // changes that Kubernetes makes by itself do not count
	before, writes := map[string]any{}, api.writes
	for key, object := range api.objects {
		before[key] = object.DeepCopy().Object
	}
	noted := maps.Clone(a.Journal.deleted)
	steps := []func() error{
		func() error { return a.Apply(t.Context(), Selection{}) },
		func() error { return a.ApplyClasses(t.Context()) },
		func() (err error) { endpoints, err = a.RemoveEndpoints(t.Context()); return err },
	}
	if back {
		steps = []func() error{
			func() error { return a.RestoreEndpoints(t.Context(), Selection{}) },
			func() error { return a.RollBack(t.Context(), Selection{}) },
			func() error { return a.RollBackClasses(t.Context()) },
		}
	}
	last := []func() error{func() error { return a.ReportMissing(t.Context()) }, func() error { return a.ScaleUp(t.Context()) }}
	for _, step := range slices.Concat(steps, last) {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	after := map[string]any{}
	for key, object := range api.objects {
		after[key] = object.DeepCopy().Object
	}
	if !reflect.DeepEqual(before, after) || api.writes != writes || !maps.Equal(noted, a.Journal.deleted) {
		t.Errorf("the dry run has changed something: %d writes", api.writes-writes)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v: the dry run has left files: %v", err, files)
	}
	return results, endpoints
}

func TestDryRun(t *testing.T) {
	api, a := withClass(t)
	got, endpoints := dryRun(t, api, a, false)
	if outcomes(got) != "pvc-a would migrate; StorageClass gluster would migrate" || endpoints != 2 {
		t.Errorf("got %s, and %d Endpoints and Services", outcomes(got), endpoints)
	}
	got, _ = dryRun(t, api, a, true)
	if outcomes(got) != "pvc-a unchanged; StorageClass gluster unchanged" {
		t.Errorf("back, before the migration: %s", outcomes(got))
	}
	journal := filepath.Join(t.TempDir(), "journal")
	a.API, a.Journal, a.Report = api, openJournalOf(t, journal, a.Plan.ID), func(Result) {}
	for _, err := range []error{a.Apply(t.Context(), Selection{}), a.ApplyClasses(t.Context()), a.Journal.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := a.RemoveEndpoints(t.Context()); n != 2 || err != nil { // a rollback would restore them
		t.Fatalf("%d, %v", n, err)
	}
	a.Journal, a.handled = nil, nil
	got, _ = dryRun(t, api, a, true)
	if outcomes(got) != "pvc-a would roll back; StorageClass gluster would roll back" {
		t.Errorf("back: %s", outcomes(got))
	}
	got, _ = dryRun(t, api, a, false)
	if outcomes(got) != "pvc-a unchanged; StorageClass gluster unchanged" {
		t.Errorf("after the migration: %s", outcomes(got))
	}
}

// TestDryRunRefuses: a dry run refuses everything that apply refuses.
func TestDryRunRefuses(t *testing.T) {
	key := objectKey(volumesResource(), "", "pvc-a")
	for name, tc := range map[string]struct {
		change func(api *fakeAPI, a *Applier)
		says   string
	}{
		"the new object":       {func(api *fakeAPI, _ *Applier) { api.refuses = errors.New("a webhook refuses it") }, "pvc-a failed: nothing was changed, because the API server would not take"},
		"the deletion":         {func(api *fakeAPI, _ *Applier) { api.refusesDelete = errors.New("forbidden") }, "pvc-a failed: the API server would not delete the PersistentVolume: forbidden"},
		"the patches":          {func(api *fakeAPI, _ *Applier) { api.refusesPatch = "persistentvolumes" }, "pvc-a failed: the API server would not change the PersistentVolume"},
		"the patch of a claim": {func(api *fakeAPI, _ *Applier) { api.refusesPatch = "persistentvolumeclaims" }, "pvc-a failed: the API server would not change the claim"},
		"the scaling": {func(api *fakeAPI, a *Applier) {
			a.Scale, api.refusesPatch = true, "deployments"
			api.deploy(t, "Deployment", "web")
		}, "no patches"},
		"changed": {func(api *fakeAPI, _ *Applier) {
			_ = unstructured.SetNestedField(api.objects[key].Object, "x", "spec", "glusterfs", "path")
		}, "its spec has changed (glusterfs)"},
		"in use": {func(api *fakeAPI, _ *Applier) { api.deploy(t, "Deployment", "web") }, "pods use its claim shop/data: web"},
		"in use by a pod without an owner": {func(api *fakeAPI, a *Applier) {
			a.Scale = true
			p := object(t, `{metadata: {namespace: shop, name: web}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}, status: {phase: Running}}`)
			api.put(podsResource(), &p)
		}, "no owner that can be scaled"},
		"gone": {func(_ *fakeAPI, a *Applier) { delete(a.inventory().Dump.Volumes, idA) }, "Heketi has no volume"},
	} {
		t.Run(name, func(t *testing.T) {
			api, a := withClass(t)
			tc.change(api, &a)
			if got, endpoints := dryRun(t, api, a, false); !strings.Contains(outcomes(got), tc.says) || endpoints != 0 {
				t.Errorf("got %s, want %q; %d Endpoints would be removed", outcomes(got), tc.says, endpoints)
			}
		})
	}
}

// TestDryRunScalesNothing: a dry run only reports what would be scaled.
func TestDryRunScalesNothing(t *testing.T) {
	api, a := withClass(t)
	api.deploy(t, "Deployment", "web")
	api.deploy(t, "StatefulSet", "killed") // an earlier run was killed before it scaled this one up again
	api.objects[objectKey(statefulSetsResource(), "shop", "killed")].SetAnnotations(map[string]string{AnnotationReplicas: "3", AnnotationScaledBy: a.Plan.ID})
	a.Scale = true
	got, _ := dryRun(t, api, a, false)
	if got[0].Outcome != WouldMigrate || got[0].Note != "scaled to 0 first: Deployment shop/web, StatefulSet shop/killed" {
		t.Errorf("got %+v", got[0])
	}
}

// TestDryRunOfWhatWasBegun: a dry run reads the journal of a run that was killed.
func TestDryRunOfWhatWasBegun(t *testing.T) {
	api, a := interrupted(t, t.TempDir())
	for _, back := range []bool{false, true} {
		want := "pvc-a " + string(WouldMigrate)
		if back {
			want = "pvc-a " + string(WouldRollBack)
		}
		if got, _ := dryRun(t, api, a, back); !strings.HasPrefix(outcomes(got), want) {
			t.Errorf("back %t: %s", back, outcomes(got))
		}
	}
}

// TestReadJournal: a journal that is open for reading has the entries of earlier runs, and refuses new ones.
func TestReadJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	if err := j.deletes("a", deletion{}); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJournal(path, testPlanID); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while a migration runs: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJournal(path, "another"); err == nil || !strings.Contains(err.Error(), "journal of the plan") {
		t.Errorf("of another plan: %v", err)
	}
	read, err := ReadJournal(path, testPlanID)
	if err != nil || !read.has("a") {
		t.Fatalf("%v, %v", err, read)
	}
	if read.deletes("b", deletion{}) == nil || read.replaced("a") == nil || read.has("b") || read.Close() != nil {
		t.Error("it can be written to")
	}
	empty := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := ReadJournal(empty, testPlanID); err != nil || j.Close() != nil {
		t.Errorf("an empty file: %v", err)
	}
	none, err := ReadJournal(filepath.Join(t.TempDir(), "none"), testPlanID)
	if err != nil || none.deletes("a", deletion{}) == nil || none.Close() != nil {
		t.Errorf("no file: %v", err)
	}
}

package migrate

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

const (
	testWait = time.Second
	testPoll = time.Millisecond
)

// migrated returns a cluster with two claims, one for each kind of PersistentVolume, and a plan for it.
func migrated(t *testing.T) (*fakeAPI, Applier) {
	t.Helper()
	s := testSources(t, dynamicPV, change(t, staticPV, "name: data, uid: uid-claim", "name: other, uid: uid-other"))
	s.Objects.Claims = append(s.Objects.Claims, object(t, `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: shop, name: other, uid: uid-other}
spec: {volumeName: projects}
status: {phase: Bound}
`))
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Summary.Migrate != 2 {
		t.Fatalf("%+v", plan)
	}
	return newFakeAPI(s), Applier{Plan: plan, Inventories: fixed(s.Inventories), Wait: testWait, Poll: testPoll}
}

// fixed returns a cache that is never refreshed. Tests change its content.
func fixed(inventories []Inventory) *InventoryCache {
	return &InventoryCache{Read: func(context.Context) []Inventory { return inventories }, MaxAge: time.Hour}
}

// inventory returns the first inventory of a fixed cache, for a test to change.
func (a *Applier) inventory() *Inventory { return &a.Inventories.Get(context.Background())[0] }

// run opens the journal again, as a new process would, and runs the applier.
func run(t *testing.T, api *fakeAPI, a Applier, dir string, back bool, selection Selection) (results []Result) {
	t.Helper()
	return runWith(t, api, a, openJournalOf(t, filepath.Join(dir, "journal"), a.Plan.ID), back, selection)
}

// runWith is like run, with a given journal, which it closes.
func runWith(t *testing.T, api *fakeAPI, a Applier, journal *Journal, back bool, selection Selection) (results []Result) {
	t.Helper()
	defer func() { _ = journal.Close() }()
	a.API, a.Journal = api, journal
	a.Report = func(r Result) { results = append(results, r) }
	do := a.Apply
	if back {
		do = a.RollBack
	}
	if err := do(t.Context(), selection); err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if a.Scale {
		_ = a.ScaleUp(t.Context()) // the run may have been killed
	}
	return results
}

func outcomes(results []Result) string {
	lines := make([]string, 0, len(results))
	for _, r := range results {
		line := r.Name + " " + string(r.Outcome)
		if r.Err != nil {
			line += ": " + r.Err.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// checkCluster checks what must hold after every run: each claim has its PersistentVolume, of the wanted kind and policy, and
// nothing was deleted.
func checkCluster(t *testing.T, api *fakeAPI, csi bool) {
	t.Helper()
	checkClaims(t, api, csi, func(pv persistentVolume, policy string) bool { return pv.Spec.ReclaimPolicy == policy })
}

func checkClaims(t *testing.T, api *fakeAPI, csi bool, allowed func(pv persistentVolume, policy string) bool) {
	t.Helper()
	if len(api.deleted) > 0 {
		t.Errorf("volumes were deleted: %v", api.deleted)
	}
	for name, policy := range map[string]string{"pvc-a": policyDelete, "projects": policyRetain} {
		object := api.objects[objectKey(volumesResource(), "", name)]
		if object == nil {
			t.Errorf("%s is gone", name)
			continue
		}
		pv, err := read[persistentVolume](*object)
		if err != nil || (pv.Spec.CSI != nil) != csi || !allowed(pv, policy) {
			t.Errorf("%s: %v, %+v", name, err, pv.Spec)
		}
	}
	for _, name := range []string{"data", "other"} {
		object := api.objects[objectKey(claimsResource(), "shop", name)]
		if phase, _, _ := unstructured.NestedString(object.Object, "status", "phase"); phase != "Bound" {
			t.Errorf("claim %s is %s", name, phase)
		}
	}
}

func TestApplyAndRollBack(t *testing.T) {
	api, a := migrated(t)
	dir := t.TempDir()
	for _, step := range []struct {
		back bool
		want string
	}{
		{false, "projects migrated; pvc-a migrated"}, {false, "projects unchanged; pvc-a unchanged"},
		{true, "projects rolled back; pvc-a rolled back"}, {true, "projects unchanged; pvc-a unchanged"}, {false, "projects migrated; pvc-a migrated"},
	} {
		pv := api.objects[objectKey(volumesResource(), "", "pvc-a")]
		if _, ok, _ := unstructured.NestedMap(pv.Object, "spec", "csi"); ok { // as external-provisioner and others do
			_ = unstructured.SetNestedField(pv.Object, "yes", "metadata", "annotations", "added")
		}
		before := api.calls
		if got := outcomes(run(t, api, a, dir, step.back, Selection{})); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
		checkCluster(t, api, !step.back)
		if n := api.calls - before; n > 40 {
			t.Errorf("%s took %d calls", step.want, n)
		}
	}
	for name, n := range api.wasLost {
		if n > 20 { // four calls for each run
			t.Errorf("claim %s was Lost during %d calls of five runs", name, n)
		}
	}
}

// keptRetain reports whether a run has left the policy Retain because an administrator may have made the new PersistentVolume.
func keptRetain(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool {
		return r.Name == "pvc-a" && r.Err == nil && strings.HasPrefix(r.Note, "its policy stays Retain: an earlier run was killed")
	})
}

// checkAfterKill is like checkCluster, for the results of a run that follows a run that was killed. It reports whether the policy
// Retain was kept.
func checkAfterKill(t *testing.T, api *fakeAPI, csi bool, results []Result) (kept bool) {
	t.Helper()
	if keptRetain(results) {
		checkClaims(t, api, csi, func(pv persistentVolume, _ string) bool { return pv.Spec.ReclaimPolicy == policyRetain })
		return true
	}
	checkCluster(t, api, csi)
	return false
}

// TestKilled kills the migration at every call, before and after the call takes effect, in both directions, and runs it again. If
// it has created a PersistentVolume and was killed before it could read the uid, the policy stays Retain.
func TestKilled(t *testing.T) {
	kept := 0
	for _, back := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				api, a := migrated(t)
				dir := t.TempDir()
				if back {
					run(t, api, a, dir, false, Selection{})
				}
				api.calls, api.killAt, api.after = 0, at, after
				results := run(t, api, a, dir, back, Selection{})
				killed := strings.Contains(outcomes(results), errKilled.Error())
				api.killAt = 0
				results = run(t, api, a, dir, back, Selection{})
				if got := outcomes(results); strings.Contains(got, string(Failed)) || strings.Contains(got, string(Refused)) {
					t.Errorf("back %t, killed at call %d, after it %t: the next run: %s", back, at, after, got)
				}
				if checkAfterKill(t, api, !back, results) {
					kept++
				}
				if !killed {
					break
				}
			}
		}
	}
	// In each direction: after the creation, and before and after the read that follows.
	if kept != 6 {
		t.Errorf("the policy stayed Retain %d times", kept)
	}
}

// TestKilledOften kills the migration several times, at random calls.
func TestKilledOften(t *testing.T) {
	for seed := range uint64(1000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		api, a := migrated(t)
		dir, back := memoryDir(t), false
		for range 1 + dice.IntN(6) {
			api.calls, api.killAt, api.after = 0, 1+dice.IntN(20), dice.IntN(2) == 0
			run(t, api, a, dir, back, Selection{})
			if dice.IntN(4) == 0 { // the administrator reverses the direction after a killed run
				back = !back
			}
		}
		api.killAt = 0
		run(t, api, a, dir, back, Selection{})
		// A rollback that finds the old PersistentVolume in place leaves it as it is, with Retain.
		checkClaims(t, api, !back, func(pv persistentVolume, policy string) bool {
			return pv.Spec.ReclaimPolicy == policy || pv.Spec.ReclaimPolicy == policyRetain
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSelection(t *testing.T) {
	api, a := migrated(t)
	if err := (Selection{Only: []string{"pvc-z"}}).Check(a.Plan); err == nil || !strings.Contains(err.Error(), `"pvc-z"`) {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	for _, step := range []struct {
		selection Selection
		want      string
	}{
		{Selection{Max: 1}, "projects migrated"}, {Selection{Max: 1}, "projects unchanged; pvc-a migrated"},
		{Selection{Only: []string{"pvc-a"}}, "pvc-a unchanged"},
	} {
		if got := outcomes(run(t, api, a, dir, false, step.selection)); got != step.want {
			t.Errorf("%+v: got %s, want %s", step.selection, got, step.want)
		}
	}
	a.Plan.Volumes[0] = a.Plan.Volumes[0].refused("because")
	if got := outcomes(run(t, api, a, dir, true, Selection{})); got != "projects refused: reason in the plan: because; pvc-a rolled back" {
		t.Errorf("got %s", got)
	}
}

// TestClaimThatGoes: deleting a claim while it is Lost must not delete the volume.
func TestClaimThatGoes(t *testing.T) {
	for at := 1; at < 25; at++ {
		api, a := migrated(t)
		dir := t.TempDir()
		api.killAt, api.after = at, true
		run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})
		api.killAt = 0
		delete(api.objects, objectKey(claimsResource(), "shop", "data"))
		run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})
		pv := api.objects[objectKey(volumesResource(), "", "pvc-a")]
		if pv == nil {
			t.Fatalf("killed at %d: the PersistentVolume is gone", at)
		}
		// After the migration is complete, the volume is deleted with its claim, as the policy demands.
		journal := openJournalOf(t, filepath.Join(dir, "journal"), a.Plan.ID)
		policy, _, _ := unstructured.NestedString(pv.Object, "spec", "persistentVolumeReclaimPolicy")
		if _, ok, _ := unstructured.NestedMap(pv.Object, "spec", "csi"); ok && policy == policyDelete && at < 12 {
			t.Errorf("killed at %d: the policy is %s, journal %v", at, policy, journal.deleted)
		}
		_ = journal.Close()
	}
}

// TestPolicyOfTheAdministrator: a migrated PersistentVolume is not changed again.
func TestPolicyOfTheAdministrator(t *testing.T) {
	api, a := migrated(t)
	dir := t.TempDir()
	run(t, api, a, dir, false, Selection{})
	pv := api.objects[objectKey(volumesResource(), "", "pvc-a")]
	_ = unstructured.SetNestedField(pv.Object, policyRetain, "spec", "persistentVolumeReclaimPolicy")
	if got := outcomes(run(t, api, a, dir, false, Selection{})); got != "projects unchanged; pvc-a unchanged" {
		t.Errorf("got %s", got)
	}
	if policy, _, _ := unstructured.NestedString(pv.Object, "spec", "persistentVolumeReclaimPolicy"); policy != policyRetain {
		t.Errorf("the policy is %s again", policy)
	}
}

// TestNewVolumeIsRefused: the API server checks the new PersistentVolume before the old one is deleted.
func TestNewVolumeIsRefused(t *testing.T) {
	api, a := migrated(t)
	api.refuses = errors.New("a webhook refuses it")
	if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); strings.Count(got, "nothing was changed") != 2 {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{"pvc-a", "projects"} {
		pv := api.objects[objectKey(volumesResource(), "", name)]
		if pv == nil || isDeleting(pv) || isOfDriver(pv.Object) || policyOf(pv.Object) != map[string]string{"pvc-a": policyDelete, "projects": policyRetain}[name] {
			t.Errorf("%s: %v", name, pv)
		}
	}
	if len(api.wasLost) > 0 {
		t.Errorf("claims were Lost: %v", api.wasLost)
	}
}

// TestCreationTimesOut: the API server has created the new PersistentVolume, and answers that its own store was too slow. It is
// known who has made the PersistentVolume, and it gets its policy.
func TestCreationTimesOut(t *testing.T) {
	for name, timeout := range map[string]error{
		"timeout":        apierrors.NewTimeoutError("etcdserver: request timed out", 0),
		"internal error": apierrors.NewInternalError(errors.New("etcdserver: leader changed")),
	} {
		t.Run(name, func(t *testing.T) {
			api, a := migrated(t)
			api.timesOut = timeout
			if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{Only: []string{"pvc-a"}})); got != "pvc-a migrated" {
				t.Errorf("got %s", got)
			}
			if policy := policyOf(api.pv("pvc-a").Object); policy != policyDelete {
				t.Errorf("the policy is %s", policy)
			}
		})
	}
}

// TestOwners: neither apply nor rollback creates a PersistentVolume with owners, which may be gone.
func TestOwners(t *testing.T) {
	s := testSources(t, change(t, dynamicPV, "  labels: {team: shop}", "  labels: {team: shop}\n  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: gone, uid: u}]"))
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil || !strings.Contains(strings.Join(plan.Volumes[0].Warnings, "\n"), "its owners (ConfigMap gone) are left out") {
		t.Fatalf("%v, %+v", err, plan.Volumes)
	}
	api, a := newFakeAPI(s), Applier{Plan: plan, Inventories: fixed(s.Inventories), Wait: testWait, Poll: testPoll}
	dir := t.TempDir()
	for _, back := range []bool{false, true} {
		got := outcomes(run(t, api, a, dir, back, Selection{}))
		if pv := api.pv("pvc-a"); !strings.HasPrefix(got, "pvc-a ") || strings.Contains(got, ":") || isOfDriver(pv.Object) == back || len(pv.GetOwnerReferences()) > 0 {
			t.Errorf("back %t: %s, owners %v", back, got, pv.GetOwnerReferences())
		}
	}
}

// TestNewVolumeIsChanged: a PersistentVolume that the API server would create with another spec is not deleted.
func TestNewVolumeIsChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(api *fakeAPI, a *Applier)
		says   string
	}{
		"a webhook": {func(api *fakeAPI, _ *Applier) {
			api.mutates = func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedStringSlice(o.Object, []string{"noatime"}, "spec", "mountOptions")
			}
		}, "it differs in spec.mountOptions."},
		"an edit that the server normalises": {func(api *fakeAPI, a *Applier) {
			for _, v := range a.Plan.Volumes {
				_ = unstructured.SetNestedField(v.Replacement, false, "spec", "csi", "readOnly")
			}
			api.mutates = func(o *unstructured.Unstructured) {
				unstructured.RemoveNestedField(o.Object, "spec", "csi", "readOnly")
			}
		}, "it differs in spec.csi."},
	} {
		api, a := migrated(t)
		tc.change(api, &a)
		if got, _ := dryRun(t, api, a, false); strings.Count(outcomes(got), "nothing was changed") != 2 {
			t.Errorf("%s, dry run: %s", name, outcomes(got))
		}
		if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); strings.Count(got, "nothing was changed") != 2 || !strings.Contains(got, tc.says) {
			t.Errorf("%s: %s", name, got)
		}
		if pv := api.pv("pvc-a"); pv == nil || isDeleting(pv) || isOfDriver(pv.Object) || policyOf(pv.Object) != policyDelete || len(api.wasLost) > 0 {
			t.Errorf("%s: %v, Lost: %v", name, pv, api.wasLost)
		}
	}
}

// TestNameIsRefused: a policy about names may refuse the name that is used to compare the new PersistentVolume.
func TestNameIsRefused(t *testing.T) {
	api, a := migrated(t)
	journal := openJournalOf(t, filepath.Join(t.TempDir(), "journal"), a.Plan.ID)
	defer func() { _ = journal.Close() }()
	var results []Result
	a.API, a.Journal, a.Report = refusesGenerated{api}, journal, func(r Result) { results = append(results, r) }
	if err := a.Apply(t.Context(), Selection{}); err != nil || outcomes(results) != "projects migrated; pvc-a migrated" {
		t.Errorf("%v, %s", err, outcomes(results))
	}
}

// refusesGenerated refuses objects without a name.
type refusesGenerated struct{ *fakeAPI }

func (r refusesGenerated) DryRunCreate(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if object.GetName() == "" {
		return nil, errors.New("a policy refuses this name")
	}
	return r.fakeAPI.DryRunCreate(ctx, of, object)
}

// TestStopsAtTheFirst: if the new PersistentVolume is not the plan's after all, no other one is deleted.
func TestStopsAtTheFirst(t *testing.T) {
	api, a := migrated(t)
	m := meanwhile{api, func(call string) error {
		if call == "create persistentvolumes/projects" {
			api.mutates = func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(o.Object, "9Gi", "spec", "capacity", "storage")
			}
		}
		return nil
	}}
	got, err := m.run(t, a, t.TempDir())
	if err == nil || !strings.Contains(got, "projects refused") || isOfDriver(api.pv("pvc-a").Object) {
		t.Errorf("%v, %s", err, got)
	}
}

// memoryDir returns a directory in memory if there is one, because writes there take no time.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "migrate-test-") //nolint:usetesting // not below /tmp
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestApplyTouchesClaimsAgain: Kubernetes sometimes looks at a claim before it has seen the new PersistentVolume, and then not
// again for 15 s.
func TestApplyTouchesClaimsAgain(t *testing.T) {
	api, a := migrated(t)
	api.overlooked, a.Wait = 1, 15*time.Second
	begin := time.Now()
	if got := outcomes(run(t, api, a, t.TempDir(), false, Selection{})); got != "projects migrated; pvc-a migrated" {
		t.Error(got)
	}
	checkCluster(t, api, true)
	if took := time.Since(begin); took < touchInterval {
		t.Errorf("it took %v: nothing was overlooked", took)
	}
}

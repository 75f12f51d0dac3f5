package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// makeAgain replaces a PersistentVolume with one of the same name and spec and the policy Retain, as an administrator would do it.
func (a *fakeAPI) makeAgain(pv *unstructured.Unstructured) *unstructured.Unstructured {
	pv = pv.DeepCopy()
	pv.SetUID(types.UID("uid-again"))
	unstructured.RemoveNestedField(pv.Object, "metadata", "deletionTimestamp")
	_ = unstructured.SetNestedField(pv.Object, policyRetain, "spec", "persistentVolumeReclaimPolicy")
	a.put(volumesResource(), pv)
	return pv
}

// killedRun kills a run for pvc-a at a call: before it if at is odd, and after it if at is even. back chooses the direction.
func killedRun(t *testing.T, at int, back bool) (api *fakeAPI, a Applier, dir string) {
	t.Helper()
	api, a = migrated(t)
	dir = t.TempDir()
	if back {
		run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})
		api.calls = 0
	}
	api.killAt, api.after = at/2, at%2 == 0
	run(t, api, a, dir, back, Selection{Only: []string{"pvc-a"}})
	api.killAt = 0
	return api, a, dir
}

// killedBefore kills a run at each call, in both directions, and calls do if the PersistentVolume was not replaced by then.
func killedBefore(t *testing.T, do func(t *testing.T, api *fakeAPI, a Applier, dir string, back bool)) {
	t.Helper()
	for _, back := range []bool{false, true} {
		called := 0
		for at := range 40 {
			api, a, dir := killedRun(t, at, back)
			if pv := api.pv("pvc-a"); pv != nil && at > 1 && isOfDriver(pv.Object) == back {
				called++
				do(t, api, a, dir, back)
			}
		}
		if called < 10 {
			t.Errorf("back %t: tried %d times", back, called)
		}
	}
}

// TestMadeAgainBetweenRuns: a run was killed, and an administrator has made another PersistentVolume of the same name with the
// policy Retain. That policy stays, although the killed run has set Retain, too.
func TestMadeAgainBetweenRuns(t *testing.T) {
	killedBefore(t, func(t *testing.T, api *fakeAPI, a Applier, dir string, back bool) {
		t.Helper()
		api.makeAgain(api.pv("pvc-a"))
		a.DryRun = true
		if got := outcomes(runWith(t, api, a, readJournalOf(t, dir, a.Plan.ID), back, Selection{Only: []string{"pvc-a"}})); !strings.HasPrefix(got, "pvc-a would") {
			t.Errorf("back %t: dry run: %s", back, got)
		}
		a.DryRun = false
		got := outcomes(run(t, api, a, dir, back, Selection{Only: []string{"pvc-a"}}))
		want := map[bool]string{false: "pvc-a migrated", true: "pvc-a rolled back"}[back]
		if pv := api.pv("pvc-a"); got != want || isOfDriver(pv.Object) == back || policyOf(pv.Object) != policyRetain {
			t.Errorf("back %t: %s, with the policy %s", back, got, policyOf(pv.Object))
		}
	})
}

// TestDeletedAgainBetweenRuns: the other PersistentVolume is being deleted, and not by the migration.
func TestDeletedAgainBetweenRuns(t *testing.T) {
	killedBefore(t, func(t *testing.T, api *fakeAPI, a Applier, dir string, back bool) {
		t.Helper()
		pv := api.makeAgain(api.pv("pvc-a"))
		if err := api.Delete(t.Context(), volumesResource(), "", "pvc-a", string(pv.GetUID())); err != nil {
			t.Fatal(err)
		}
		got := outcomes(run(t, api, a, dir, back, Selection{Only: []string{"pvc-a"}}))
		if now := api.pv("pvc-a"); !strings.Contains(got, "pvc-a refused") || now == nil || now.GetUID() != pv.GetUID() || len(now.GetFinalizers()) == 0 {
			t.Errorf("back %t: %s", back, got)
		}
	})
}

// TestReplacementDeletedBetweenRuns: a run was killed before it had set the policy of the new PersistentVolume, which an
// administrator then deletes. That PersistentVolume is refused, and the others are migrated.
func TestReplacementDeletedBetweenRuns(t *testing.T) {
	tried := 0
	for at := range 40 {
		api, a := migrated(t)
		dir := t.TempDir()
		api.killAt = at
		run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})
		api.killAt = 0
		pv := api.pv("pvc-a")
		if pv == nil || !isOfDriver(pv.Object) || !isBegun(t, dir, a.Plan.ID) {
			continue
		}
		tried++
		if err := api.Delete(t.Context(), volumesResource(), "", "pvc-a", string(pv.GetUID())); err != nil {
			t.Fatal(err)
		}
		for _, a.DryRun = range []bool{true, false} {
			journal := openJournalOf(t, dir+"/journal", a.Plan.ID)
			got := outcomes(runWith(t, api, a, journal, false, Selection{}))
			if now := api.pv("pvc-a"); !strings.Contains(got, "pvc-a refused: it differs from the plan: it is being deleted, and not by this migration; projects ") || now == nil || now.GetUID() != pv.GetUID() {
				t.Errorf("killed at %d: %s", at, got)
			}
		}
	}
	if tried < 3 {
		t.Errorf("tried %d times", tried)
	}
}

// isBegun reports whether the journal has an entry of the PersistentVolume.
func isBegun(t *testing.T, dir, plan string) bool {
	t.Helper()
	journal := readJournalOf(t, dir, plan)
	defer func() { _ = journal.Close() }()
	return journal.has(volumeEntry("pvc-a"))
}

// TestReplacementMadeAgainBetweenRuns: a run was killed after it had made the new PersistentVolume, which an administrator then
// deletes and makes again with the policy Retain. That policy stays.
func TestReplacementMadeAgainBetweenRuns(t *testing.T) {
	for _, back := range []bool{false, true} {
		tried := 0
		for at := range 80 {
			api, a, dir := killedRun(t, at, back)
			pv := api.pv("pvc-a")
			if pv == nil || isOfDriver(pv.Object) == back || !isBegun(t, dir, a.Plan.ID) {
				continue
			}
			tried++
			api.makeAgain(pv)
			a.DryRun = true
			runWith(t, api, a, readJournalOf(t, dir, a.Plan.ID), back, Selection{Only: []string{"pvc-a"}})
			a.DryRun = false
			got := outcomes(run(t, api, a, dir, back, Selection{Only: []string{"pvc-a"}}))
			want := map[bool]string{false: "pvc-a migrated", true: "pvc-a rolled back"}[back]
			if now := api.pv("pvc-a"); got != want && got != "pvc-a unchanged" || now.GetUID() != "uid-again" || policyOf(now.Object) != policyRetain {
				t.Errorf("back %t, killed at %d: %s, with the policy %s", back, at, got, policyOf(now.Object))
			}
		}
		if tried < 6 {
			t.Errorf("back %t: tried %d times", back, tried)
		}
	}
}

// TestReplacementMadeAgainMeanwhile: an administrator makes the new PersistentVolume again with the policy Retain while the run
// waits for its claim. It keeps this policy, also in the next run.
func TestReplacementMadeAgainMeanwhile(t *testing.T) {
	api, a := migrated(t)
	dir, done := t.TempDir(), false
	m := meanwhile{api, func(call string) error {
		if pv := api.pv("pvc-a"); call == "patch persistentvolumeclaims/data" && !done {
			done = true
			api.makeAgain(pv)
		}
		return nil
	}}
	got, err := m.run(t, a, dir)
	if err == nil || !strings.Contains(got, "pvc-a refused: PersistentVolume pvc-a: it differs from the plan: it was deleted and made again") {
		t.Errorf("%v, %s", err, got)
	}
	for range 2 {
		if now := api.pv("pvc-a"); now.GetUID() != "uid-again" || policyOf(now.Object) != policyRetain {
			t.Errorf("%v", now)
		}
		if got, err := m.run(t, a, dir); err != nil || !strings.Contains(got, "pvc-a unchanged") {
			t.Errorf("the next run: %v, %s", err, got)
		}
	}
}

// TestMadeAgainMeanwhile: an administrator makes the PersistentVolume again with the policy Retain while it is being replaced. It
// keeps this policy, also in the next run.
func TestMadeAgainMeanwhile(t *testing.T) {
	for call, ends := range map[string]bool{"patch persistentvolumes/pvc-a": false, "create persistentvolumes/pvc-a": true} {
		api, a := migrated(t)
		pv, dir, done := api.pv("pvc-a").DeepCopy(), t.TempDir(), false
		m := meanwhile{api, func(now string) error {
			if now == call && !done {
				done = true
				api.makeAgain(pv)
			}
			return nil
		}}
		got, err := m.run(t, a, dir)
		if (err != nil) != ends || !strings.Contains(got, "projects migrated; pvc-a refused: PersistentVolume pvc-a: it differs from the plan: it was deleted and made again") {
			t.Errorf("%s: %v, %s", call, err, got)
		}
		if now := api.pv("pvc-a"); now == nil || now.GetUID() != "uid-again" || isDeleting(now) || policyOf(now.Object) != policyRetain {
			t.Errorf("%s: %v", call, now)
		}
		if got, err := m.run(t, a, dir); err != nil || got != "projects unchanged; pvc-a migrated" && got != "pvc-a migrated; projects unchanged" || policyOf(api.pv("pvc-a").Object) != policyRetain {
			t.Errorf("%s, the next run: %v, %s, %s", call, err, got, policyOf(api.pv("pvc-a").Object))
		}
	}
}

// TestReplacementDeletedMeanwhile: an administrator deletes the new PersistentVolume before its claim is bound. Its deletion is not
// completed, and the run ends.
func TestReplacementDeletedMeanwhile(t *testing.T) {
	api, a := migrated(t)
	m := meanwhile{api, func(call string) error {
		if pv := api.pv("pvc-a"); call == "get persistentvolumes/pvc-a" && pv != nil && isOfDriver(pv.Object) && !isDeleting(pv) {
			return api.Delete(t.Context(), volumesResource(), "", "pvc-a", string(pv.GetUID()))
		}
		return nil
	}}
	got, err := m.run(t, a, t.TempDir())
	if now := api.pv("pvc-a"); err == nil || !strings.Contains(got, "it is being deleted, and not by this migration") || now == nil || len(now.GetFinalizers()) == 0 {
		t.Errorf("%v, %s", err, got)
	}
}

func readJournalOf(t *testing.T, dir, plan string) *Journal {
	t.Helper()
	j, err := ReadJournal(dir+"/journal", plan)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

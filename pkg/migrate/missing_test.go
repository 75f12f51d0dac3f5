package migrate

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// interrupted returns a cluster in which a migration was killed after it had deleted pvc-a.
func interrupted(t *testing.T, dir string) (*fakeAPI, Applier) {
	t.Helper()
	for at := 1; at < 50; at++ {
		api, a := migrated(t)
		journal := filepath.Join(dir, "journal-"+strings.Repeat("i", at))
		api.killAt, api.after = at, true
		runWith(t, api, a, openJournalOf(t, journal, a.Plan.ID), false, Selection{Only: []string{"pvc-a"}})
		api.killAt = 0
		if api.objects[objectKey(volumesResource(), "", "pvc-a")] == nil {
			a.Journal = openJournalOf(t, journal, a.Plan.ID)
			return api, a
		}
	}
	t.Fatal("pvc-a was never deleted")
	return nil, Applier{}
}

// TestMissingIsReported: a run reports an object that an earlier run deleted and that this run does not select.
func TestMissingIsReported(t *testing.T) {
	for _, tc := range []struct {
		name      string
		selection Selection
		refuses   error // as fakeAPI's
		want      string
	}{
		{"--only", Selection{Only: []string{"projects"}}, nil, "projects migrated; pvc-a MISSING: an earlier run of this plan has deleted it and not replaced it, and this run leaves it out, " +
			"so that its claim shop/data is Lost; run this again with --only=pvc-a, or without --only"},
		{"--max takes it first", Selection{Max: 1}, nil, "pvc-a migrated"},
		{"everything", Selection{}, nil, "pvc-a migrated; projects migrated"},
		{"this run cannot replace it either", Selection{Only: []string{"pvc-a"}}, errors.New("a webhook refuses it"), "pvc-a failed: the new PersistentVolume cannot be made, and its claim is Lost until it is made: a webhook refuses it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api, a := interrupted(t, t.TempDir())
			api.refuses = tc.refuses
			var results []Result
			a.API, a.Report = api, func(r Result) { results = append(results, r) }
			if err := a.Apply(t.Context(), tc.selection); (err != nil) != (tc.refuses != nil) {
				t.Fatal(err)
			}
			if err := a.ReportMissing(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := outcomes(results); got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestMissingOfAnEditedPlan: an object that was taken out of the plan is still missing, whether it is a PersistentVolume or a
// StorageClass. An object that exists is not.
func TestMissingOfAnEditedPlan(t *testing.T) {
	api, a := interrupted(t, t.TempDir())
	a.Plan.Volumes = a.Plan.Volumes[:1]
	var results []Result
	a.API, a.Report = api, func(r Result) { results = append(results, r) }
	for _, entry := range []string{classEntry("gluster"), volumeEntry("projects")} {
		if err := a.Journal.deletes(entry, deletion{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.ReportMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := outcomes(results)
	if len(results) != 2 || !strings.Contains(got, "pvc-a MISSING") || !strings.Contains(got, "StorageClass gluster MISSING") || !strings.Contains(got, "without --only and --classes=false") {
		t.Errorf("got %s", got)
	}
	api.killAt, api.calls = 1, 0
	if err := a.ReportMissing(t.Context()); err == nil {
		t.Error("a cluster that cannot be read is no error")
	}
}

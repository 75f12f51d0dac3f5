package migrate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestStaticIsProvenAgain: pods whose gluster volume was deleted since the plan was made could not start.
func TestStaticIsProvenAgain(t *testing.T) {
	gone := func(a *Applier) { delete(a.inventory().Dump.Volumes, idB) }
	away := func(a *Applier) { a.inventory().Err = errors.New("no route") }
	listed := []GlusterVolume{{Name: "projects", Servers: []string{"10.0.0.1"}}}
	for _, tc := range []struct {
		name      string
		by        Evidence // in the plan
		change    func(*Applier)
		endpoints bool // the PersistentVolume has Endpoints with addresses
		says      string
		outcome   Outcome
	}{
		{"by Heketi", Evidence{Backends: []string{"main"}}, func(*Applier) {}, true, "", Migrated},
		{"gone in Heketi", Evidence{Backends: []string{"main"}}, gone, true, "nothing proves that gluster volume projects exists", Refused},
		{"Heketi is away", Evidence{Backends: []string{"main"}}, away, true, `backend "main" cannot be read: no route`, Failed},
		{"another Heketi is configured", Evidence{Backends: []string{"old"}}, func(*Applier) {}, true, `backend "old" is not configured`, Failed},
		{"gone in Heketi, and gluster was not asked then", Evidence{Backends: []string{"main"}}, func(a *Applier) { gone(a); a.VolumeInfo = listed }, true, "nothing proves", Refused},
		{"by gluster, which is not given", Evidence{VolumeInfo: true}, func(*Applier) {}, true, "--volume-info=FILE", Failed},
		{"by gluster", Evidence{VolumeInfo: true}, func(a *Applier) { a.VolumeInfo = listed }, true, "", Migrated},
		{"gone in gluster", Evidence{VolumeInfo: true}, func(a *Applier) { a.VolumeInfo = []GlusterVolume{} }, true, "nothing proves", Refused},
		{"by both, one is away", Evidence{Backends: []string{"main"}, VolumeInfo: true}, func(a *Applier) { away(a); a.VolumeInfo = listed }, true, "", Migrated},
		{"without Endpoints", Evidence{VolumeInfo: true}, func(a *Applier) { a.VolumeInfo = listed }, false, "", Migrated},
		{"on other servers", Evidence{VolumeInfo: true}, func(a *Applier) { a.VolumeInfo = []GlusterVolume{{Name: "projects", Servers: []string{"10.7.0.1"}}} }, false,
			"was on the servers 10.0.0.1,10.0.0.2, and is on 10.7.0.1", Refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api, a := migrated(t)
			if a.Plan.Volumes[0].Kind != Static || len(a.Plan.Volumes[0].ProvenBy.Backends) != 1 || a.Plan.Volumes[0].ProvenBy.VolumeInfo {
				t.Fatalf("the plan says %+v", a.Plan.Volumes[0].ProvenBy)
			}
			a.Plan.Volumes[0].ProvenBy = &tc.by
			if !tc.endpoints {
				a.Plan.Volumes[0].Source.Servers = nil
			}
			tc.change(&a)
			got := run(t, api, a, t.TempDir(), false, Selection{Only: []string{"projects"}})
			if len(got) != 1 || got[0].Outcome != tc.outcome || !strings.Contains(outcomes(got), tc.says) {
				t.Errorf("got %s, want %s, %q", outcomes(got), tc.outcome, tc.says)
			}
		})
	}
}

// TestInventoryCache: records that were read at the beginning of a long run prove nothing at the end of the run.
func TestInventoryCache(t *testing.T) {
	reads, failed := 0, errors.New("no route")
	var err error
	cache := InventoryCache{MaxAge: time.Hour, Read: func(context.Context) []Inventory {
		reads++
		return []Inventory{{Backend: "main", Err: err}}
	}}
	for range 3 {
		cache.Get(t.Context())
	}
	if reads != 1 {
		t.Errorf("%d readings within the time", reads)
	}
	cache.since = time.Now().Add(-2 * time.Hour)
	err = failed
	if got := cache.Get(t.Context()); reads != 2 || !errors.Is(got[0].Err, failed) {
		t.Errorf("%d readings, the last is %v", reads, got)
	}
	err = nil
	if got := cache.Get(t.Context()); reads != 2 || !errors.Is(got[0].Err, failed) {
		t.Errorf("right after a failure: %d readings, the last is %v", reads, got)
	}
	cache.since = time.Now().Add(-2 * failedAge)
	if got := cache.Get(t.Context()); reads != 3 || got[0].Err != nil {
		t.Errorf("after a failure: %d readings, the last is %v", reads, got)
	}
}

// TestHeketiChangesWhileItRuns: a volume that disappears from Heketi during a run is not swapped.
func TestHeketiChangesWhileItRuns(t *testing.T) {
	api, a := migrated(t)
	dump := testDump()
	a.Inventories = &InventoryCache{Read: func(context.Context) []Inventory { return []Inventory{{Backend: "main", Dump: dump}} }}
	report := func(r Result) {
		if r.Name == "projects" { // the first of the two
			dump = testDump()
			delete(dump.Volumes, idA)
		}
	}
	var results []Result
	a.API, a.Journal, a.Report = api, openJournalOf(t, t.TempDir()+"/journal", a.Plan.ID), func(r Result) { results = append(results, r); report(r) }
	if err := a.Apply(t.Context(), Selection{}); err != nil {
		t.Fatal(err)
	}
	if got := outcomes(results); !strings.Contains(got, "projects migrated; pvc-a refused") || !strings.Contains(got, "Heketi has no volume "+idA) {
		t.Errorf("got %s", got)
	}
}

// TestHeketiIsAway: a PersistentVolume that cannot be proven is not swapped, and is not reported as changed.
func TestHeketiIsAway(t *testing.T) {
	api, a := migrated(t)
	a.inventory().Err = errors.New("no route")
	got := run(t, api, a, t.TempDir(), false, Selection{})
	if len(got) != 2 || got[0].Outcome != Failed || got[1].Outcome != Failed || strings.Count(outcomes(got), `backend "main" cannot be read: no route`) != 2 {
		t.Errorf("got %s", outcomes(got))
	}
}

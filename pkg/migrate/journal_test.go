package migrate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const testPlanID = "0123456789abcdef"

func openJournal(t *testing.T, path string) *Journal {
	t.Helper()
	return openJournalOf(t, path, testPlanID)
}

func openJournalOf(t *testing.T, path, plan string) *Journal {
	t.Helper()
	j, err := OpenJournal(path, plan)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	if _, err := OpenJournal(path, testPlanID); err == nil || !strings.Contains(err.Error(), "another migration with this plan runs") {
		t.Errorf("opened twice: %v", err)
	}
	for _, err := range []error{j.deletes("a", deletion{}), j.deletes("b", deletion{uid: "uid-b", size: "2Gi", driver: true}), j.replaced("a"), j.replaced("never"), j.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// However little a killed run wrote of the last line, the next run reads the other lines and can continue.
	for cut := range content {
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		next := openJournal(t, path)
		if err := next.deletes("c", deletion{}); err != nil {
			t.Fatal(err)
		}
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
		if last := openJournal(t, path); !last.has("c") || cut == len(content)-1 && (last.has("a") || last.deleted["b"] != (deletion{uid: "uid-b", size: "2Gi", driver: true})) {
			t.Errorf("cut at %d: %v", cut, last.deleted)
		} else if err := last.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJournalOfReplacements: the uid of a new PersistentVolume tells it from one that was made in its place, also in the next run.
func TestJournalOfReplacements(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	of := func(uid string) *unstructured.Unstructured {
		pv := object(t, change(t, dynamicPV, "uid: uid-pv", "uid: "+uid))
		return &pv
	}
	entry := volumeEntry("pvc-a")
	for _, step := range []struct {
		do                   func(j *Journal) error
		made, unsure, others string // uids
	}{
		{func(j *Journal) error { return j.deletes(entry, deletion{uid: "old", driver: true}) }, "old", "new", ""},
		{func(j *Journal) error { return j.makes(entry, "new") }, "new", "", "again"},
		{func(j *Journal) error { return j.creates(entry, false) }, "old", "new", ""},
		{func(j *Journal) error { return j.makes(entry, "newer") }, "newer", "", "new"},
		{func(j *Journal) error { return j.deletes(entry, deletion{uid: "newer"}) }, "newer", "", "again"},
		{func(j *Journal) error { return j.creates(entry, false) }, "", "newest", ""},
		{func(j *Journal) error { return j.makes(entry, "newest") }, "newest", "", "again"},
	} {
		j := openJournal(t, path)
		if err := errors.Join(step.do(j), j.Close()); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, path)
		got := fmt.Sprintf("%+v", j.deleted[entry])
		if pv := of(step.made); step.made != "" && (!j.hasMade(pv) || j.isAnother(pv)) {
			t.Errorf("%s: %s is not the one", got, step.made)
		}
		if pv := of(step.unsure); step.unsure != "" && (j.hasMade(pv) || j.isAnother(pv)) {
			t.Errorf("%s: it is certain which one %s is", got, step.unsure)
		}
		pv := of(step.others)
		pv.SetDeletionTimestamp(&metav1.Time{Time: time.Now()})
		if step.others != "" && (j.hasMade(pv) || !j.isAnother(pv) || j.isDeleting(pv)) {
			t.Errorf("%s: %s is not another one", got, step.others)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j := openJournal(t, path)
	if err := j.makes(volumeEntry("never"), "new"); err != nil || j.has(volumeEntry("never")) {
		t.Errorf("%v; the journal has an entry of an object that was not deleted", err)
	}
}

// TestJournalOfAnotherPlan: objects that another plan deleted must not be created from this one.
func TestJournalOfAnotherPlan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path, "fedcba9876543210"); err == nil || !strings.Contains(err.Error(), "journal of the plan with the id "+testPlanID+", and this plan has the id fedcba9876543210") {
		t.Errorf("got %v", err)
	}
	openJournal(t, path)
	headless := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(headless, []byte(`{"object": "persistentvolumes/a"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(headless, testPlanID); err == nil || !strings.Contains(err.Error(), "does not name the plan") {
		t.Errorf("without a plan: %v", err)
	}
}

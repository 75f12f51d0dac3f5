package migrate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

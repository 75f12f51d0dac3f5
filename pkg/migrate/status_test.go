package migrate

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func states(t *testing.T, o Objects, plan Plan) string {
	t.Helper()
	return statesWith(t, o, plan, nil)
}

func statesWith(t *testing.T, o Objects, plan Plan, journal *Journal) string {
	t.Helper()
	found, err := Status(o, testDriver, plan, journal)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, 0, len(found))
	for _, s := range found {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", s.Name, s.Kind, s.Claim, s.ClaimPhase))
	}
	return strings.Join(lines, "; ")
}

// TestStatusOfMissing: a PersistentVolume that a migration deleted and did not replace is known only from its claim and from the
// plan.
func TestStatusOfMissing(t *testing.T) {
	s := testSources(t, dynamicPV)
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	if got := states(t, s.Objects, plan); got != "pvc-a in-tree shop/data Bound" {
		t.Errorf("nothing is missing: %s", got)
	}
	s.Objects.Volumes = nil
	if got := states(t, s.Objects, plan); got != "pvc-a missing shop/data Bound" {
		t.Errorf("missing of the plan: %s", got)
	}
	if got := states(t, s.Objects, Plan{}); got != "" {
		t.Errorf("a claim that is not Lost, without a plan: %s", got)
	}
	_ = unstructured.SetNestedField(s.Objects.Claims[0].Object, "Lost", "status", "phase")
	if got := states(t, s.Objects, Plan{}); got != "pvc-a missing shop/data Lost" {
		t.Errorf("missing of a claim: %s", got)
	}
	if got := states(t, s.Objects, plan); got != "pvc-a missing shop/data Lost" {
		t.Errorf("missing of both: %s", got)
	}
	for provisioner, want := range map[string]string{inTree: "pvc-a missing shop/data Lost", testDriver: "pvc-a missing shop/data Lost", "other.example": ""} {
		s.Objects.Claims[0].SetAnnotations(map[string]string{"volume.kubernetes.io/storage-provisioner": provisioner})
		if got := states(t, s.Objects, Plan{}); got != want {
			t.Errorf("a claim of %s: %q", provisioner, got)
		}
	}
}

// TestStatusOfDeleted: the journal shows that a PersistentVolume that was migrated and later deleted with its claim is not
// missing.
func TestStatusOfDeleted(t *testing.T) {
	s := testSources(t, dynamicPV)
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	s.Objects.Volumes = nil
	path := filepath.Join(t.TempDir(), "journal")
	peek := func() *Journal {
		journal, err := PeekJournal(path, testPlanID)
		if err != nil {
			t.Fatal(err)
		}
		return journal
	}
	if got := statesWith(t, s.Objects, plan, peek()); got != "pvc-a missing shop/data Bound" {
		t.Errorf("no journal: %s", got)
	}
	running := openJournal(t, path) // the open journal locks out other migrations
	if err := running.deletes(volumeEntry("pvc-a"), deletion{size: "1Gi"}); err != nil {
		t.Fatal(err)
	}
	if got := statesWith(t, s.Objects, plan, peek()); got != "pvc-a missing shop/data Bound" {
		t.Errorf("while it is replaced: %s", got)
	}
	if err := running.replaced(volumeEntry("pvc-a")); err != nil {
		t.Fatal(err)
	}
	claims := s.Objects.Claims
	s.Objects.Claims = nil
	if got := statesWith(t, s.Objects, plan, peek()); got != "pvc-a deleted shop/data " {
		t.Errorf("deleted since: %s", got)
	}
	s.Objects.Claims = claims
	_ = unstructured.SetNestedField(s.Objects.Claims[0].Object, "Lost", "status", "phase")
	if got := statesWith(t, s.Objects, plan, peek()); got != "pvc-a missing shop/data Lost" {
		t.Errorf("deleted since, and its claim is there: %s", got)
	}
}

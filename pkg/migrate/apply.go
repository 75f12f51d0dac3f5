package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Applier carries out a plan, one PersistentVolume after the other. It may be killed at any moment, and run again with the same
// plan and journal.
type Applier struct {
	API         API
	Plan        Plan
	Journal     *Journal
	Inventories *InventoryCache // the records of each Heketi
	VolumeInfo  []GlusterVolume // gluster's own list, for volumes that the plan proved with it
	Wait        time.Duration   // the longest wait until a claim is bound, and until the pods of owners that were scaled to 0 have ended
	Poll        time.Duration   // the pause between two polls, and before a retry
	// Scale allows Apply and RollBack to scale the owners of running pods to 0; ScaleUp scales them back.
	Scale bool
	// Report receives the result of each PersistentVolume and StorageClass.
	Report func(Result)
	// DryRun makes all checks and changes nothing. It needs a journal that ReadJournal has opened.
	DryRun bool

	handled map[string]bool // by journal entry: whether this run has replaced the object, or in a dry run would replace it
}

// Selection selects PersistentVolumes from a plan.
type Selection struct {
	Only []string // names; empty selects all
	Max  int      // how many may be changed; 0 means no limit
}

// Check returns an error if a selected PersistentVolume is not in the plan.
func (s Selection) Check(p Plan) error {
	for _, name := range s.Only {
		if !slices.ContainsFunc(p.Volumes, func(v VolumePlan) bool { return v.Name == name }) {
			return fmt.Errorf("the plan has no PersistentVolume %q", name)
		}
	}
	return nil
}

// Apply migrates the selected PersistentVolumes. It continues after one that fails or is refused. It returns an error if ctx is
// done, or if a replacement that has begun cannot be completed.
func (a *Applier) Apply(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, a.outcome(Migrated), func(ctx context.Context, v VolumePlan) (swapOutcome, error) {
		return a.replace(ctx, v, v.Backup, v.Replacement)
	})
}

// forEach calls the function do for the selected PersistentVolumes, starting with those that an earlier run left half replaced.
func (a *Applier) forEach(ctx context.Context, selection Selection, done Outcome, do func(context.Context, VolumePlan) (swapOutcome, error)) error {
	changes := 0
	for _, v := range a.selected(selection) {
		if v.Action != Migrate && a.Journal.has(volumeEntry(v.Name)) {
			a.Report(Result{Name: v.Name, Outcome: Missing, Err: errors.New("an earlier run has deleted it and not replaced it, and the plan was edited since: set its action to migrate again")})
			a.note(volumeEntry(v.Name), true) // so that ReportMissing does not report it again
			continue
		}
		if v.Action != Migrate {
			a.Report(Result{Name: v.Name, Outcome: Refused, Err: fmt.Errorf("reason in the plan: %s", v.Reason)})
			continue
		}
		if selection.Max > 0 && changes == selection.Max {
			return nil
		}
		began := time.Now()
		changed, err := do(ctx, v)
		if changed.made {
			changes++
		}
		a.note(volumeEntry(v.Name), changed.made && err == nil)
		a.Report(Result{Name: v.Name, Outcome: done, Note: changed.note}.withError(changed.made, err, time.Since(began)))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (changed.made || !errors.Is(err, ErrChanged)) && a.Journal.has(volumeEntry(v.Name)): // the next ones would fail in the same way
			return fmt.Errorf("PersistentVolume %s: %w; fix this, and run the same command again", v.Name, err)
		}
	}
	return nil
}

// selected returns the selected part of the plan, starting with the PersistentVolumes that an earlier run left half replaced.
func (a *Applier) selected(selection Selection) []VolumePlan {
	var begun, others []VolumePlan
	for _, v := range a.Plan.Volumes {
		switch {
		case len(selection.Only) > 0 && !slices.Contains(selection.Only, v.Name):
		case a.Journal.has(volumeEntry(v.Name)):
			begun = append(begun, v)
		default:
			others = append(others, v)
		}
	}
	return append(begun, others...)
}

// note records whether this run has replaced an object, for ReportMissing and RemoveEndpoints.
func (a *Applier) note(entry string, replaced bool) {
	if a.handled == nil {
		a.handled = map[string]bool{}
	}
	a.handled[entry] = replaced
}

// swapOutcome is the outcome for one PersistentVolume.
type swapOutcome struct {
	made bool   // the replacement was begun; in a dry run: it would be begun
	note string // for the Result
}

// replace replaces a PersistentVolume with another of the same name. It first checks that nothing has changed, unless an earlier
// run made that check and left the PersistentVolume half replaced.
func (a *Applier) replace(ctx context.Context, v VolumePlan, from, to map[string]any) (swapOutcome, error) {
	now, err := a.API.Get(ctx, volumesResource(), "", v.Name)
	if err == nil && a.Journal.isAnother(now) {
		if err := a.Journal.forget(volumeEntry(v.Name)); err != nil {
			return swapOutcome{}, err
		}
	}
	begun := a.Journal.has(volumeEntry(v.Name))
	switch {
	case apierrors.IsNotFound(err) && !begun:
		return swapOutcome{}, fmt.Errorf("%w: it does not exist any more. If an earlier run of this plan has deleted it, put the journal of that run beside the plan", ErrChanged)
	case apierrors.IsNotFound(err):
		now = nil
	case err != nil:
		return swapOutcome{}, err
	}
	from, to = a.withGrowth(v.Name, now, from, to)
	to, note := a.withLaterRetain(v.Name, now, from, to)
	if now != nil && sameVolume(now.Object, to) && !begun && !a.Journal.hasRetained(volumeEntry(v.Name)) {
		return swapOutcome{}, nil // it was replaced before; if its policy differs, an administrator has changed the policy
	}
	more, err := a.checkBegun(ctx, v, now, from, to)
	if err != nil {
		return swapOutcome{}, a.restorePolicy(ctx, v.Name, from, err)
	}
	note = strings.Join(slices.DeleteFunc([]string{note, more}, func(s string) bool { return s == "" }), "; ")
	if a.DryRun {
		return swapOutcome{true, note}, a.dryRunSwap(ctx, now, to)
	}
	// A swap that has begun is completed even if the run is interrupted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Wait+swapLimit)
	defer cancel()
	s := swapper{api: a.API, journal: a.Journal, wait: a.Wait, poll: a.Poll}
	err = s.swap(ctx, from, to)
	return swapOutcome{made: true, note: s.note}, a.restorePolicy(ctx, v.Name, from, err)
}

// checkBegun makes the checks that remain before a swap: all of them, unless an earlier run has begun the swap.
func (a *Applier) checkBegun(ctx context.Context, v VolumePlan, now *unstructured.Unstructured, from, to map[string]any) (note string, err error) {
	switch {
	case now == nil:
		// If Heketi cannot be reached, the swap goes on: otherwise the claim would stay Lost.
		if err := a.checkProof(ctx, v, to); errors.Is(err, ErrChanged) {
			return "", err
		}
		return "", nil
	case a.Journal.isDeleting(now):
		return "", a.checkPods(ctx, v, now)
	case isDeleting(now) && sameVolume(now.Object, to):
		return "", fmt.Errorf("%w: it is being deleted, and not by this migration", ErrChanged)
	case sameVolume(now.Object, to):
		return "", nil
	}
	return a.check(ctx, v, now, from, to)
}

// withLaterRetain returns the object to create. If an administrator has set the policy Retain since the plan was made, the object
// to create also gets Retain, and the returned note explains this. now is nil for a PersistentVolume that an earlier run deleted.
func (a *Applier) withLaterRetain(name string, now *unstructured.Unstructured, from, to map[string]any) (map[string]any, string) {
	entry := volumeEntry(name)
	if policyOf(from) == policyRetain || policyOf(to) == policyRetain || a.Journal.hasRetained(entry) {
		return to, ""
	}
	if now != nil && !a.Journal.has(entry) && (policyOf(now.Object) != policyRetain || !sameVolume(now.Object, from)) {
		return to, ""
	}
	changed := (&unstructured.Unstructured{Object: to}).DeepCopy().Object
	_ = unstructured.SetNestedField(changed, policyRetain, "spec", "persistentVolumeReclaimPolicy")
	return changed, "its policy stays Retain, which was set after the plan was made"
}

// swapLimit bounds a swap, not counting the wait for the claim.
const swapLimit = 2 * time.Minute

package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Applier carries out a plan, one PersistentVolume after the other. It may be ended at any moment, and run again with the same
// plan and journal.
type Applier struct {
	API         API
	Plan        Plan
	Journal     *Journal
	Inventories *InventoryCache // what the Heketis have
	VolumeInfo  []GlusterVolume // what gluster has, where the plan was proven by that
	Wait        time.Duration   // for a claim to be bound to its new PersistentVolume
	Poll        time.Duration   // between two looks at the claim
	// Scale has the owners of running pods scaled to 0; ScaleUp gives them their pods back.
	Scale bool
	// Report is told of each PersistentVolume.
	Report func(Result)
	// DryRun has everything checked, and nothing changed. The journal must be one of ReadJournal.
	DryRun bool

	handled map[string]bool // objects by their entries in the journal; true: replaced, or would be
}

// Selection says which PersistentVolumes of the plan are meant.
type Selection struct {
	Only []string // names; none is all
	Max  int      // at most so many are changed; 0 is no limit
}

// Check returns an error for a name that the plan does not have.
func (s Selection) Check(p Plan) error {
	for _, name := range s.Only {
		if !slices.ContainsFunc(p.Volumes, func(v VolumePlan) bool { return v.Name == name }) {
			return fmt.Errorf("the plan has no PersistentVolume %q", name)
		}
	}
	return nil
}

// Apply migrates the selected PersistentVolumes. One that fails or is refused does not keep the next one from being migrated. The
// error is that of ctx.
func (a *Applier) Apply(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, a.outcome(Migrated), func(ctx context.Context, v VolumePlan) (swapped, error) {
		return a.replace(ctx, v, v.Backup, v.Replacement)
	})
}

// RollBack puts the in-tree PersistentVolumes back in the place of those of the driver.
func (a *Applier) RollBack(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, a.outcome(RolledBack), func(ctx context.Context, v VolumePlan) (swapped, error) {
		return a.replace(ctx, v, v.Replacement, v.Backup)
	})
}

// forEach replaces the selected PersistentVolumes, those first that an earlier run has begun with.
func (a *Applier) forEach(ctx context.Context, selection Selection, done Outcome, do func(context.Context, VolumePlan) (swapped, error)) error {
	changes := 0
	for _, v := range a.selected(selection) {
		if v.Action != Migrate {
			a.Report(Result{Name: v.Name, Outcome: Refused, Err: fmt.Errorf("by the plan: %s", v.Reason)})
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
		case errors.Is(err, errNotCreated): // nor would the next ones be made
			return fmt.Errorf("PersistentVolume %s: %w; mend that, and run the same command again", v.Name, err)
		}
	}
	return nil
}

// selected returns the selected part of the plan, and first of it what an earlier run has begun with.
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

// note keeps what ReportMissing and RemoveEndpoints need of an object.
func (a *Applier) note(entry string, replaced bool) {
	if a.handled == nil {
		a.handled = map[string]bool{}
	}
	a.handled[entry] = replaced
}

// swapped says whether a PersistentVolume was replaced, or would be, and what more a dry run has found.
type swapped struct {
	made bool
	note string
}

// replace replaces one PersistentVolume by another of the same name, after a check unless an earlier run has begun with it.
func (a *Applier) replace(ctx context.Context, v VolumePlan, from, to map[string]any) (swapped, error) {
	begun := a.Journal.has(volumeEntry(v.Name))
	now, err := a.API.Get(ctx, volumesResource(), "", v.Name)
	switch {
	case apierrors.IsNotFound(err) && !begun:
		return swapped{}, fmt.Errorf("%w: it does not exist any more. If an earlier run of this plan was ended, its journal must lie beside the plan", ErrChanged)
	case apierrors.IsNotFound(err):
		now = nil
	case err != nil:
		return swapped{}, err
	}
	from, to = a.withGrowth(v.Name, now, from, to)
	var note string
	switch {
	case now == nil, begun && isDeleting(now): // the earlier run has checked
	case sameVolume(now.Object, to) && !begun:
		return swapped{}, nil // its policy is the administrator's from now on
	case sameVolume(now.Object, to):
	default:
		if note, err = a.check(ctx, v, now, from, to); err != nil {
			return swapped{}, err
		}
	}
	if a.DryRun {
		return swapped{true, note}, a.dryRunSwap(ctx, now, to)
	}
	// Once begun, a swap is completed even if the run is interrupted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Wait+swapLimit)
	defer cancel()
	s := swapper{api: a.API, journal: a.Journal, wait: a.Wait, poll: a.Poll}
	return swapped{made: true}, s.swap(ctx, from, to)
}

// swapLimit bounds a swap without its wait for the claim.
const swapLimit = 2 * time.Minute

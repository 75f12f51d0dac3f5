package migrate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
}

// Result reports the outcome for one object.
type Result struct {
	Name    string
	Outcome Outcome
	Err     error // of Refused and Failed
	Took    time.Duration
}

// Outcome classifies a Result.
type Outcome string

// The outcomes.
const (
	Migrated   Outcome = "migrated"
	RolledBack Outcome = "rolled back"
	Unchanged  Outcome = "unchanged" // it was done before
	Refused    Outcome = "refused"   // by the plan, or because something has changed since
	Failed     Outcome = "failed"    // the cluster could not be asked or changed: run it again
)

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
	return a.forEach(ctx, selection, Migrated, func(ctx context.Context, v VolumePlan) (bool, error) {
		return a.replace(ctx, v, v.Backup, v.Replacement)
	})
}

// RollBack puts the in-tree PersistentVolumes back in the place of those of the driver.
func (a *Applier) RollBack(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, RolledBack, func(ctx context.Context, v VolumePlan) (bool, error) {
		return a.replace(ctx, v, v.Replacement, v.Backup)
	})
}

func (a *Applier) forEach(ctx context.Context, selection Selection, done Outcome, do func(context.Context, VolumePlan) (changed bool, err error)) error {
	changes := 0
	for _, v := range a.Plan.Volumes {
		if len(selection.Only) > 0 && !slices.Contains(selection.Only, v.Name) {
			continue
		}
		if v.Action != Migrate {
			a.Report(Result{Name: v.Name, Outcome: Refused, Err: fmt.Errorf("by the plan: %s", v.Reason)})
			continue
		}
		if selection.Max > 0 && changes == selection.Max {
			return nil
		}
		began := time.Now()
		changed, err := do(ctx, v)
		if changed {
			changes++
		}
		a.Report(Result{Name: v.Name, Outcome: done}.withError(changed, err, time.Since(began)))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errNotCreated): // nor would the next ones be made
			return fmt.Errorf("PersistentVolume %s: %w; mend that, and run the same command again", v.Name, err)
		}
	}
	return nil
}

// withError returns the result with the outcome that err and changed stand for.
func (r Result) withError(changed bool, err error, took time.Duration) Result {
	r.Err, r.Took = err, took
	switch {
	case errors.Is(err, ErrChanged):
		r.Outcome = Refused
	case err != nil:
		r.Outcome = Failed
	case !changed:
		r.Outcome = Unchanged
	}
	return r
}

// replace replaces one PersistentVolume by another of the same name, after a check unless an earlier run has begun with it.
func (a *Applier) replace(ctx context.Context, v VolumePlan, from, to map[string]any) (changed bool, err error) {
	begun := a.Journal.has(volumeEntry(v.Name))
	now, err := a.API.Get(ctx, volumesResource(), "", v.Name)
	switch {
	case apierrors.IsNotFound(err) && !begun:
		return false, fmt.Errorf("%w: it does not exist any more. If an earlier run of this plan was ended, its journal must lie beside the plan", ErrChanged)
	case err != nil && !apierrors.IsNotFound(err):
		return false, err
	case err != nil, begun && isDeleting(now): // the earlier run has checked
	case sameVolume(now.Object, to) && !begun:
		return false, nil // its policy is the administrator's from now on
	case sameVolume(now.Object, to):
	default:
		if err := a.check(ctx, v, now, from, to); err != nil {
			return false, err
		}
	}
	// Once begun, a swap is completed even if the run is interrupted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Wait+swapLimit)
	defer cancel()
	s := swapper{api: a.API, journal: a.Journal, wait: a.Wait, poll: a.Poll}
	return true, s.swap(ctx, from, to)
}

// swapLimit bounds a swap without its wait for the claim.
const swapLimit = 2 * time.Minute

// check returns an error if anything is not as the plan has it, or a pod uses the volume.
func (a *Applier) check(ctx context.Context, v VolumePlan, now *unstructured.Unstructured, from, to map[string]any) error {
	if err := unchanged(now.Object, from); err != nil {
		return err
	}
	if isOfDriver(to) {
		if err := a.proveAgain(ctx, v); err != nil {
			return err
		}
	}
	running, err := a.checkClaim(ctx, v, to)
	switch {
	case err != nil || len(running) == 0:
		return err
	case !a.Scale:
		return fmt.Errorf("pods use its claim %s: %s; stop them, or let --scale-down stop them, and run this again", v.Claim, namesOf(running))
	}
	if err := a.scaleDown(ctx, v, running); err != nil {
		return err
	}
	running, err = a.checkClaim(ctx, v, to) // again: that took a while
	if err == nil && len(running) > 0 {
		err = fmt.Errorf("pods use its claim %s again: %s", v.Claim, namesOf(running))
	}
	return err
}

// isOfDriver reports whether a PersistentVolume is one of a CSI driver.
func isOfDriver(object map[string]any) bool {
	_, ok, _ := unstructured.NestedMap(object, "spec", "csi")
	return ok
}

// unchanged compares what a replacement takes over. A PersistentVolume of the driver gets annotations of others.
func unchanged(now, planned map[string]any) error {
	if !sameVolume(now, planned) {
		return fmt.Errorf("%w: its spec has changed", ErrChanged)
	}
	for _, field := range []string{"labels", "annotations"} {
		is, _, _ := unstructured.NestedMap(now, "metadata", field)
		was, _, _ := unstructured.NestedMap(planned, "metadata", field)
		if len(is)+len(was) > 0 && !reflect.DeepEqual(is, was) && !isOfDriver(planned) {
			return fmt.Errorf("%w: its %s have changed", ErrChanged, field)
		}
	}
	if isDeleting(&unstructured.Unstructured{Object: now}) {
		return fmt.Errorf("%w: it is being deleted", ErrChanged)
	}
	return nil
}

// checkClaim makes sure that the claim is still the one of the plan. It returns the pods that use it.
func (a *Applier) checkClaim(ctx context.Context, v VolumePlan, to map[string]any) (running []pod, err error) {
	namespace, name, ok := strings.Cut(v.Claim, "/")
	if !ok {
		return nil, nil
	}
	uid, _, _ := unstructured.NestedString(to, "spec", "claimRef", "uid")
	policy, _, _ := unstructured.NestedString(to, "spec", "persistentVolumeReclaimPolicy")
	object, err := a.API.Get(ctx, claimsResource(), namespace, name)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	switch gone := err != nil || string(object.GetUID()) != uid; {
	case gone && policy == policyDelete && isOfDriver(to): // it was there when the plan was made
		return nil, fmt.Errorf("%w: its claim %s is gone, so that the policy Delete would delete the volume", ErrChanged, v.Claim)
	case gone:
		return nil, nil
	case isDeleting(object):
		return nil, fmt.Errorf("%w: its claim %s is being deleted", ErrChanged, v.Claim)
	}
	c, err := read[claim](*object)
	if err != nil {
		return nil, err
	}
	if c.Spec.VolumeName != v.Name {
		return nil, fmt.Errorf("%w: its claim %s names PersistentVolume %q", ErrChanged, v.Claim, c.Spec.VolumeName)
	}
	return a.runningPods(ctx, namespace, name)
}

// runningPods returns the pods that may have the volume mounted. One that waits for its volumes is none: it gets the new one.
func (a *Applier) runningPods(ctx context.Context, namespace, claimName string) (running []pod, err error) {
	pods, err := a.API.List(ctx, podsResource(), namespace, "Pod", usesVolumes)
	if err != nil {
		return nil, err
	}
	for _, object := range pods {
		p, err := read[pod](object)
		if err != nil {
			return nil, err
		}
		if p.uses(claimName) && p.mayHaveMounts() {
			running = append(running, p)
		}
	}
	return running, nil
}

// uses reports whether a pod uses a claim, its own for an ephemeral volume included.
func (p pod) uses(claimName string) bool {
	return slices.ContainsFunc(p.Spec.Volumes, func(v podVolume) bool {
		return v.Claim != nil && v.Claim.Name == claimName || v.Ephemeral != nil && p.Metadata.Name+"-"+v.Name == claimName
	})
}

// mayHaveMounts reports whether a pod's volumes may be mounted: that of a pod which waits for its volumes are not.
func (p pod) mayHaveMounts() bool {
	switch p.Status.Phase {
	case "Running", "Unknown":
		return true
	case "Pending":
		return slices.ContainsFunc(slices.Concat(p.Status.Init, p.Status.Containers), func(c containerStatus) bool {
			return c.State.Running != nil || c.State.Terminated != nil
		})
	}
	return false
}

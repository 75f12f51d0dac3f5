package migrate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ApplyClasses replaces the StorageClasses of the plan. Existing volumes and claims are not affected: a class is used only for
// new ones.
func (a *Applier) ApplyClasses(ctx context.Context) error {
	return a.classes(ctx, a.outcome(Migrated), func(c ClassPlan) (from, to map[string]any) { return c.Backup, c.Replacement })
}

func (a *Applier) classes(ctx context.Context, done Outcome, direction func(ClassPlan) (from, to map[string]any)) error {
	for _, c := range a.Plan.Classes {
		result := Result{Name: "StorageClass " + c.Name, Outcome: done}
		if c.Action != Migrate {
			result.Outcome, result.Err = Refused, fmt.Errorf("reason in the plan: %s", c.Reason)
			a.Report(result)
			continue
		}
		began := time.Now()
		from, to := direction(c)
		changed, err := a.replaceClass(ctx, from, to)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.note(classEntry(c.Name), changed && err == nil)
		a.Report(result.withError(changed, err, time.Since(began)))
		if err != nil && !errors.Is(err, ErrChanged) && a.Journal.has(classEntry(c.Name)) { // the next ones would fail in the same way
			return fmt.Errorf("StorageClass %s: %w; fix this, and run the same command again", c.Name, err)
		}
	}
	return nil
}

// replaceClass deletes a class and creates another one of the same name.
func (a *Applier) replaceClass(ctx context.Context, from, to map[string]any) (changed bool, err error) {
	name := nameOf(from)
	entry := classEntry(name)
	now, err := a.API.Get(ctx, classesResource(), "", name)
	switch {
	case apierrors.IsNotFound(err) && !a.Journal.has(entry):
		return false, fmt.Errorf("%w: it does not exist any more", ErrChanged)
	case apierrors.IsNotFound(err):
		now = nil
	case err != nil:
		return false, err
	case sameClass(now.Object, to) && a.DryRun:
		return false, nil
	case sameClass(now.Object, to):
		return false, a.Journal.replaced(entry)
	case !sameClass(now.Object, from):
		return false, fmt.Errorf("%w: make a new plan", ErrChanged)
	}
	if a.DryRun {
		return true, a.dryRunClass(ctx, now, to)
	}
	if err := a.dryRunClass(ctx, now, to); err != nil {
		return false, fmt.Errorf("nothing was changed, because the API server would not replace the StorageClass: %w", err)
	}
	// A replacement that has begun is completed even if the run is interrupted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), swapLimit)
	defer cancel()
	if err := a.swapClass(ctx, now, to); err != nil {
		return false, err
	}
	return true, a.Journal.replaced(entry)
}

// swapClass deletes a class and creates its replacement. now is nil for a class that an earlier run deleted. swapClass repeats
// requests that fail with a temporary error.
func (a *Applier) swapClass(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	name := nameOf(to)
	if now != nil {
		if err := a.Journal.deletes(classEntry(name), deletionOf(now)); err != nil {
			return err
		}
		err := a.untilItPasses(ctx, func() error {
			return ignoreNotFound(a.API.Delete(ctx, classesResource(), "", name, string(now.GetUID())))
		})
		if isRefusal(err) {
			err = errors.Join(err, a.Journal.keeps(classEntry(name)))
		}
		if err != nil {
			return err
		}
	}
	return a.untilItPasses(ctx, func() error { return a.createClass(ctx, to) })
}

// createClass creates a class. It succeeds if an equal class of that name exists.
func (a *Applier) createClass(ctx context.Context, to map[string]any) error {
	err := a.API.Create(ctx, classesResource(), forCreate(to))
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	made, err := a.API.Get(ctx, classesResource(), "", nameOf(to))
	if err == nil && !sameClass(made.Object, to) {
		err = fmt.Errorf("%w: another program has made it again while it was being replaced; does a program restore it?", ErrChanged)
	}
	return err
}

// untilItPasses calls the function do until it succeeds or fails with an error that is not temporary, or until ctx is done.
func (a *Applier) untilItPasses(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || !mayPass(err) || wait(ctx, a.Poll) != nil {
			return err
		}
	}
}

func classEntry(name string) string { return classesResource().Name + "/" + name }

// sameClass reports whether two classes are equal apart from what the API server adds.
func sameClass(now, planned map[string]any) bool {
	clean := func(object map[string]any) map[string]any {
		kept := (&unstructured.Unstructured{Object: object}).DeepCopy()
		labels, annotations := kept.GetLabels(), kept.GetAnnotations()
		delete(kept.Object, "metadata")
		delete(kept.Object, "kind")
		delete(kept.Object, "apiVersion")
		kept.SetLabels(labels)
		kept.SetAnnotations(annotations)
		for field, standard := range map[string]any{"reclaimPolicy": policyDelete, "volumeBindingMode": "Immediate"} {
			if kept.Object[field] == nil {
				kept.Object[field] = standard
			}
		}
		return kept.Object
	}
	return reflect.DeepEqual(clean(now), clean(planned))
}

// forCreate returns a copy, without the fields that only an existing object has, for a create request. The copy has no owners:
// the garbage collector would delete the new object at once if an owner is gone.
func forCreate(object map[string]any) *unstructured.Unstructured {
	made := (&unstructured.Unstructured{Object: object}).DeepCopy()
	for _, field := range []string{"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "ownerReferences"} {
		unstructured.RemoveNestedField(made.Object, "metadata", field)
	}
	return made
}

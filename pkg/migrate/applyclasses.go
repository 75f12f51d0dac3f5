package migrate

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// ApplyClasses replaces the StorageClasses of the plan. Volumes and claims do not notice: a class only says how new ones are made.
func (a *Applier) ApplyClasses(ctx context.Context) error {
	return a.classes(ctx, Migrated, func(c ClassPlan) (from, to map[string]any) { return c.Backup, c.Replacement })
}

// RollBackClasses puts the StorageClasses of the in-tree plugin back.
func (a *Applier) RollBackClasses(ctx context.Context) error {
	return a.classes(ctx, RolledBack, func(c ClassPlan) (from, to map[string]any) { return c.Replacement, c.Backup })
}

func (a *Applier) classes(ctx context.Context, done Outcome, direction func(ClassPlan) (from, to map[string]any)) error {
	for _, c := range a.Plan.Classes {
		result := Result{Name: "StorageClass " + c.Name, Outcome: done}
		if c.Action != Migrate {
			result.Outcome, result.Err = Refused, fmt.Errorf("by the plan: %s", c.Reason)
			a.Report(result)
			continue
		}
		began := time.Now()
		from, to := direction(c)
		changed, err := a.replaceClass(ctx, from, to)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.Report(result.of(changed, err, time.Since(began)))
	}
	return nil
}

// replaceClass deletes a class and makes the other one of the same name.
func (a *Applier) replaceClass(ctx context.Context, from, to map[string]any) (changed bool, err error) {
	name := nameOf(from)
	entry := classesResource().Name + "/" + name
	now, err := a.API.Get(ctx, classesResource(), "", name)
	switch {
	case apierrors.IsNotFound(err) && !a.Journal.has(entry):
		return false, fmt.Errorf("%w: it does not exist any more", ErrChanged)
	case apierrors.IsNotFound(err):
	case err != nil:
		return false, err
	case sameClass(now.Object, to):
		return false, a.Journal.replaced(entry)
	case !sameClass(now.Object, from):
		return false, fmt.Errorf("%w: make a new plan", ErrChanged)
	default:
		if err := a.Journal.deletes(entry); err != nil {
			return false, err
		}
		if err := ignoreNotFound(a.API.Delete(ctx, classesResource(), "", name, string(now.GetUID()))); err != nil {
			return false, err
		}
	}
	if err := a.API.Create(ctx, classesResource(), remake(to)); err != nil && !apierrors.IsAlreadyExists(err) {
		return false, err
	}
	return true, a.Journal.replaced(entry)
}

// sameClass compares classes without what the API server adds.
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

// remake returns an object to be made out of one that was.
func remake(object map[string]any) *unstructured.Unstructured {
	made := (&unstructured.Unstructured{Object: object}).DeepCopy()
	for _, field := range []string{"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"} {
		unstructured.RemoveNestedField(made.Object, "metadata", field)
	}
	return made
}

// RemoveEndpoints removes Endpoints and Services that the in-tree plugin made, when no PersistentVolume names them any more. It returns
// how many objects are gone.
func (a *Applier) RemoveEndpoints(ctx context.Context) (removed int, err error) {
	volumes, err := a.API.List(ctx, volumesResource(), "", "PersistentVolume", func(unstructured.Unstructured) bool { return true })
	if err != nil {
		return 0, err
	}
	named, err := namedEndpoints(volumes)
	if err != nil {
		return 0, err
	}
	for _, e := range a.Plan.Endpoints {
		if len(named[e.Name]) > 0 {
			continue
		}
		// The Service first: its controller would make Endpoints again that are looked after by a Service.
		backups := slices.Clone(e.Backup)
		slices.Reverse(backups)
		for _, backup := range backups {
			of, object := endpointsKind(backup)
			err := a.API.Delete(ctx, of, object.GetNamespace(), object.GetName(), string(object.GetUID()))
			switch {
			case err == nil:
				removed++
			case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err): // another one has the name by now
				return removed, err
			}
		}
	}
	return removed, nil
}

// RestoreEndpoints makes Endpoints and Services of the selected PersistentVolumes again that were removed. Those of a namespace that is
// gone stay so.
func (a *Applier) RestoreEndpoints(ctx context.Context, selection Selection) error {
	for _, e := range a.Plan.Endpoints {
		if len(e.Volumes) == 0 || len(selection.Only) > 0 && !overlap(e.Volumes, selection.Only) {
			continue
		}
		for _, backup := range e.Backup {
			of, object := endpointsKind(backup)
			made := remake(object.Object)
			for _, field := range []string{"clusterIP", "clusterIPs"} {
				unstructured.RemoveNestedField(made.Object, "spec", field) // another Service may have them
			}
			if err := a.API.Create(ctx, of, made); err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
				return fmt.Errorf("%s %s: %w", strings.ToLower(object.GetKind()), e.Name, err)
			}
		}
	}
	return nil
}

func endpointsKind(backup map[string]any) (kube.Resource, *unstructured.Unstructured) {
	object := &unstructured.Unstructured{Object: backup}
	if object.GetKind() == "Service" {
		return servicesResource(), object
	}
	return endpointsResource(), object
}

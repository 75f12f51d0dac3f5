package migrate

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// RemoveEndpoints removes the Endpoints and Services of the in-tree plugin that no PersistentVolume names any more. It returns
// how many objects were removed. In a dry run it counts the objects that would be removed once the PersistentVolumes are
// replaced.
func (a *Applier) RemoveEndpoints(ctx context.Context) (removed int, err error) {
	volumes, err := a.API.List(ctx, volumesResource(), "", "PersistentVolume", everything)
	if err != nil {
		return 0, err
	}
	named, err := namedEndpoints(volumes)
	if err != nil {
		return 0, err
	}
	for _, e := range a.Plan.Endpoints {
		if slices.ContainsFunc(named[e.Name], func(pv string) bool { return !a.DryRun || !a.handled[volumeEntry(pv)] }) {
			continue
		}
		// The Endpoints go first, as in the backup. After the end of a Service, kube-controller-manager deletes the Endpoints of that
		// name (kubernetes: pkg/controller/endpoint), and they would be missing in the result. It creates none for a Service without
		// a selector. If this run is killed in between, the next one removes the Service.
		for _, backup := range e.Backup {
			of, object := endpointsKind(backup)
			del := a.API.Delete
			if a.DryRun {
				del = a.API.DryRunDelete
			}
			err := del(ctx, of, object.GetNamespace(), object.GetName(), string(object.GetUID()))
			switch {
			case err == nil:
				removed++
			case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err): // after a conflict, the name belongs to another object
				return removed, err
			}
		}
	}
	return removed, nil
}

// RestoreEndpoints recreates removed Endpoints and Services of the selected PersistentVolumes. It skips those whose namespace no
// longer exists or is being deleted. In a dry run, the API server only checks them. Objects that cannot be restored are reported:
// one namespace must not prevent the rollback of all others. RestoreEndpoints returns an error only if the API server does not
// answer or ctx is done.
func (a *Applier) RestoreEndpoints(ctx context.Context, selection Selection) error {
	for _, e := range a.Plan.Endpoints {
		if len(e.Volumes) == 0 || len(selection.Only) > 0 && !overlap(e.Volumes, selection.Only) {
			continue
		}
		for _, backup := range e.Backup {
			of, object := endpointsKind(backup)
			err := a.restore(ctx, of, object)
			switch {
			case err == nil:
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case errors.Is(err, kube.ErrNoAnswer):
				return err
			default:
				a.Report(Result{Name: object.GetKind() + " " + e.Name, Outcome: NotRestored, Err: err})
			}
		}
	}
	return nil
}

// restore creates Endpoints or a Service from their backup, unless an object of that name exists. It reads before it creates,
// because a namespace at its quota refuses a creation before the API server compares the names.
func (a *Applier) restore(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) error {
	if _, err := a.API.Get(ctx, of, object.GetNamespace(), object.GetName()); !apierrors.IsNotFound(err) {
		return err
	}
	made := forCreate(object.Object)
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(made.Object, "spec", field) // another Service may have these addresses now
	}
	var err error
	if a.DryRun {
		_, err = a.API.DryRunCreate(ctx, of, made)
	} else {
		err = a.API.Create(ctx, of, made)
	}
	if apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, namespaceTerminating) {
		return nil
	}
	return err
}

// namespaceTerminating is the cause with which the API server refuses to create an object in a namespace that is being deleted
// (NamespaceTerminatingCause in k8s.io/api/core/v1).
const namespaceTerminating metav1.CauseType = "NamespaceTerminating"

func endpointsKind(backup map[string]any) (kube.Resource, *unstructured.Unstructured) {
	object := &unstructured.Unstructured{Object: backup}
	if object.GetKind() == "Service" {
		return servicesResource(), object
	}
	return endpointsResource(), object
}

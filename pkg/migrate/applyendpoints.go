package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
		// The Service goes first: its controller would recreate Endpoints that were removed before their Service.
		backups := slices.Clone(e.Backup)
		slices.Reverse(backups)
		for _, backup := range backups {
			of, object := endpointsKind(backup)
			del := a.API.Delete
			if a.DryRun {
				del = a.API.DryRunDelete
			}
			err := del(ctx, of, object.GetNamespace(), object.GetName(), string(object.GetUID()))
			switch {
			case err == nil:
				removed++
			case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err): // an object with another uid has the name now
				return removed, err
			}
		}
	}
	return removed, nil
}

// RestoreEndpoints recreates removed Endpoints and Services of the selected PersistentVolumes. It skips those whose namespace no
// longer exists. In a dry run, the API server only checks them.
func (a *Applier) RestoreEndpoints(ctx context.Context, selection Selection) error {
	for _, e := range a.Plan.Endpoints {
		if len(e.Volumes) == 0 || len(selection.Only) > 0 && !overlap(e.Volumes, selection.Only) {
			continue
		}
		for _, backup := range e.Backup {
			of, object := endpointsKind(backup)
			made := forCreate(object.Object)
			for _, field := range []string{"clusterIP", "clusterIPs"} {
				unstructured.RemoveNestedField(made.Object, "spec", field) // another Service may have these addresses now
			}
			create := a.API.Create
			if a.DryRun {
				create = a.API.DryRunCreate
			}
			if err := create(ctx, of, made); err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
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

package migrate

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// dryRunSwap has the API server check the requests of a swap. now is nil for a PersistentVolume that an earlier run deleted.
func (a *Applier) dryRunSwap(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	s := swapper{api: a.API}
	if err := s.checkCreate(ctx, to); err != nil {
		return err
	}
	if err := a.dryRunTouch(ctx, to); err != nil {
		return err
	}
	if now == nil || sameVolume(now.Object, to) {
		return nil
	}
	if err := s.compareCreate(ctx, to); err != nil {
		return err
	}
	// Only this patch of the PersistentVolume can be checked before the deletion. The others need the same permission.
	if err := a.API.DryRunPatch(ctx, volumesResource(), "", now.GetName(), policyPatch(now, policyRetain)); err != nil {
		return fmt.Errorf("the API server would not change the PersistentVolume: %w", err)
	}
	if err := a.API.DryRunDelete(ctx, volumesResource(), "", now.GetName(), string(now.GetUID())); err != nil {
		return fmt.Errorf("the API server would not delete the PersistentVolume: %w", err)
	}
	return nil
}

// dryRunTouch has the API server check the change of the claim. Without a claim, there is nothing to check.
func (a *Applier) dryRunTouch(ctx context.Context, to map[string]any) error {
	view, err := read[persistentVolume](unstructured.Unstructured{Object: to})
	if err != nil || view.Spec.ClaimRef == nil {
		return err
	}
	ref := view.Spec.ClaimRef
	if err := ignoreNotFound(a.API.DryRunPatch(ctx, claimsResource(), ref.Namespace, ref.Name, touchPatch())); err != nil {
		return fmt.Errorf("the API server would not change the claim: %w", err)
	}
	return nil
}

// dryRunClass has the API server check both requests of a class's replacement. now is nil for a class that an earlier run
// deleted.
func (a *Applier) dryRunClass(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	if _, err := a.API.DryRunCreate(ctx, classesResource(), forCreate(to)); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if now == nil {
		return nil
	}
	return a.API.DryRunDelete(ctx, classesResource(), "", now.GetName(), string(now.GetUID()))
}

package migrate

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// withRetain returns the object to create, with the policy Retain.
func withRetain(to map[string]any) (*unstructured.Unstructured, error) {
	made := forCreate(to)
	return made, unstructured.SetNestedField(made.Object, policyRetain, "spec", "persistentVolumeReclaimPolicy")
}

// checkCreate has the API server check the new PersistentVolume while the old one exists. The server reports that the name is
// taken only after every other check has passed.
func (s *swapper) checkCreate(ctx context.Context, to map[string]any) error {
	made, err := withRetain(to)
	if err != nil {
		return err
	}
	if _, err := s.api.DryRunCreate(ctx, volumesResource(), made); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("nothing was changed, because the API server would not take the new PersistentVolume: %w", err)
	}
	return nil
}

// compareCreate returns an error if the API server would create the new PersistentVolume with another spec than the plan's:
// webhooks change objects, and the server itself rewrites quantities and sets defaults. After the deletion of the old
// PersistentVolume, the migration would not recognise a new one with another spec. The dry run needs a free name, because for
// the real name the server returns only that it is taken.
func (s *swapper) compareCreate(ctx context.Context, to map[string]any) error {
	if s.compared {
		return nil
	}
	made, err := withRetain(to)
	if err != nil {
		return err
	}
	made.SetGenerateName(made.GetName() + "-")
	made.SetName("")
	would, err := s.api.DryRunCreate(ctx, volumesResource(), made)
	switch {
	case err != nil && mayPass(err):
		return err
	case err != nil:
		return nil //nolint:nilerr // checkCreate has succeeded, so that only the name can be refused
	case !sameVolume(would.Object, to):
		return fmt.Errorf("nothing was changed, because the API server would not create the new PersistentVolume as it is in the plan: it differs in spec.%s. "+
			"Write these fields in the plan as the API server does, or exempt the PersistentVolume from the webhook that changes them",
			strings.Join(differences(would.Object, to), ", spec."))
	}
	s.compared = true
	return nil
}

package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ErrChanged is returned for an object that is not as the plan has it.
var ErrChanged = errors.New("it is not as the plan has it")

// swapper replaces PersistentVolumes. Each step looks at what is there first, so that a run that was ended anywhere can be
// repeated.
type swapper struct {
	api     API
	journal *Journal
	wait    time.Duration // for a claim to be bound
	poll    time.Duration
}

// swap replaces the PersistentVolume from by to: same name, same claim. It is deleted only when its policy is Retain, and the
// policy of the new one is Retain until the claim has it.
func (s *swapper) swap(ctx context.Context, from, to map[string]any) error {
	name := nameOf(from)
	for {
		now, err := s.api.Get(ctx, volumesResource(), "", name)
		switch {
		case apierrors.IsNotFound(err):
			err = s.make(ctx, from, to)
		case err != nil:
			return err
		case sameVolume(now.Object, to):
			if err := s.finish(ctx, now, to); err != nil {
				return err
			}
			return s.journal.replaced(volumeEntry(name))
		case sameVolume(now.Object, from):
			err = s.remove(ctx, now)
		default:
			return fmt.Errorf("PersistentVolume %s: %w: it has another source, size, claim or class; make a new plan", name, ErrChanged)
		}
		if err != nil {
			return err
		}
	}
}

func volumeEntry(name string) string { return volumesResource().Name + "/" + name }

// sameVolume reports whether a PersistentVolume is the one of the plan. Its policy is not compared: the migration changes it.
func sameVolume(now, planned map[string]any) bool {
	return reflect.DeepEqual(identity(now), identity(planned))
}

// identity returns what makes a PersistentVolume what it is, in a form that can be compared.
func identity(object map[string]any) any {
	spec, _, _ := unstructured.NestedMap(object, "spec")
	delete(spec, "persistentVolumeReclaimPolicy")
	unstructured.RemoveNestedField(spec, "claimRef", "resourceVersion")
	unstructured.RemoveNestedField(spec, "claimRef", "apiVersion") // the API server fills in both
	unstructured.RemoveNestedField(spec, "claimRef", "kind")
	if spec["volumeMode"] == nil {
		spec["volumeMode"] = "Filesystem" // the default
	}
	content, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var plain any // numbers of files and of answers have different types
	if err := json.Unmarshal(content, &plain); err != nil {
		return err
	}
	return plain
}

// remove deletes a PersistentVolume whose policy is Retain, one step at a time.
func (s *swapper) remove(ctx context.Context, now *unstructured.Unstructured) error {
	policy, _, _ := unstructured.NestedString(now.Object, "spec", "persistentVolumeReclaimPolicy")
	switch {
	case policy != policyRetain:
		return s.setPolicy(ctx, now.GetName(), policyRetain)
	case now.GetDeletionTimestamp() == nil:
		if err := s.journal.deletes(volumeEntry(now.GetName())); err != nil {
			return err
		}
		return ignoreNotFound(s.api.Delete(ctx, volumesResource(), "", now.GetName(), string(now.GetUID())))
	}
	// While a claim has it, a finalizer keeps it. The resource version makes sure that it is still the one that was looked at.
	patch := fmt.Sprintf(`{"metadata":{"finalizers":null,"resourceVersion":%q}}`, now.GetResourceVersion())
	err := s.api.Patch(ctx, volumesResource(), "", now.GetName(), []byte(patch))
	if apierrors.IsConflict(err) {
		return nil // look again
	}
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (s *swapper) setPolicy(ctx context.Context, name, policy string) error {
	return s.api.Patch(ctx, volumesResource(), "", name, fmt.Appendf(nil, `{"spec":{"persistentVolumeReclaimPolicy":%q}}`, policy))
}

// make makes the new PersistentVolume where the old one is gone. One that this migration has not deleted stays gone: somebody
// wanted that.
func (s *swapper) make(ctx context.Context, from, to map[string]any) error {
	name := nameOf(from)
	if !s.journal.has(volumeEntry(name)) {
		return fmt.Errorf("PersistentVolume %s: %w: it does not exist, and this migration has not deleted it", name, ErrChanged)
	}
	made := remake(to)
	if err := unstructured.SetNestedField(made.Object, policyRetain, "spec", "persistentVolumeReclaimPolicy"); err != nil {
		return err
	}
	err := s.api.Create(ctx, volumesResource(), made)
	if apierrors.IsAlreadyExists(err) {
		return nil // look again
	}
	return err
}

// finish waits until the claim has the new PersistentVolume, and gives that its policy.
func (s *swapper) finish(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	if err := s.bind(ctx, now); err != nil {
		return err
	}
	policy, _, _ := unstructured.NestedString(to, "spec", "persistentVolumeReclaimPolicy")
	if is, _, _ := unstructured.NestedString(now.Object, "spec", "persistentVolumeReclaimPolicy"); is == policy {
		return nil
	}
	return s.setPolicy(ctx, now.GetName(), policy)
}

// bind waits until the claim of a PersistentVolume is bound to it. A claim that has lost its PersistentVolume is looked at every
// 15 s by Kubernetes, and at once when it changes.
func (s *swapper) bind(ctx context.Context, pv *unstructured.Unstructured) error {
	view, err := read[persistentVolume](*pv)
	if err != nil || view.Spec.ClaimRef == nil {
		return err
	}
	ref := view.Spec.ClaimRef
	deadline := time.Now().Add(s.wait)
	for nudged := false; ; {
		object, err := s.api.Get(ctx, claimsResource(), ref.Namespace, ref.Name)
		if apierrors.IsNotFound(err) {
			return nil // it was deleted meanwhile, and the policy is Retain
		}
		if err != nil {
			return err
		}
		c, err := read[claim](*object)
		switch {
		case err != nil:
			return err
		case c.Metadata.UID != ref.UID:
			return nil // another claim: the one of the PersistentVolume is gone
		case c.Status.Phase == "Bound" && c.Spec.VolumeName == pv.GetName():
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("claim %s/%s is %s %v after PersistentVolume %s was made for it; is kube-controller-manager running? Run this again when it is",
				ref.Namespace, ref.Name, c.Status.Phase, s.wait, pv.GetName())
		}
		if !nudged {
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, AnnotationMigratedFrom, inTree)
			if err := s.api.Patch(ctx, claimsResource(), ref.Namespace, ref.Name, patch); err != nil {
				return err
			}
			nudged = true
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(s.poll):
		}
	}
}

package migrate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// ErrChanged is returned for an object that differs from the plan.
var ErrChanged = errors.New("it differs from the plan")

// swapper replaces PersistentVolumes. Each step depends only on the state of the API server and the journal, so that a run that
// was killed at any point can be repeated.
type swapper struct {
	api     API
	journal *Journal
	wait    time.Duration // for a claim to be bound
	poll    time.Duration

	compared bool   // compareCreate has succeeded
	created  bool   // this run has sent the creation, and the API server has not refused it
	note     string // for the Result
}

// swap replaces a PersistentVolume with another of the same name for the same claim. The old one is deleted only if its policy
// is Retain, and the new one has the policy Retain until the claim is bound to it.
func (s *swapper) swap(ctx context.Context, from, to map[string]any) error {
	entry := volumeEntry(nameOf(from))
	for steps := 1; ; steps++ {
		done, err := s.step(ctx, from, to)
		if done || err != nil && (!s.journal.has(entry) || !mayPass(err)) {
			return err
		}
		if err == nil && steps < quickSteps {
			continue
		}
		if wait(ctx, s.poll) != nil {
			return fmt.Errorf("PersistentVolume %s was not replaced in time, after %d steps: %w", nameOf(from), steps, cmp.Or(err, context.Cause(ctx)))
		}
	}
}

// quickSteps is the number of steps of a swap that follow each other without a pause. A swap takes five if nothing else changes
// the PersistentVolume.
const quickSteps = 20

// step takes the next step of a swap.
func (s *swapper) step(ctx context.Context, from, to map[string]any) (done bool, err error) {
	name := nameOf(from)
	now, err := s.api.Get(ctx, volumesResource(), "", name)
	switch {
	case apierrors.IsNotFound(err):
		return false, s.create(ctx, from, to)
	case err != nil:
		return false, err
	case s.journal.isAnother(now):
		return false, fmt.Errorf("PersistentVolume %s: %w: it was deleted and made again, and not by this migration", name, ErrChanged)
	case isDeleting(now) && !s.journal.isDeleting(now):
		return false, fmt.Errorf("PersistentVolume %s: %w: it is being deleted, and not by this migration", name, ErrChanged)
	case isDeleting(now) && (sameVolume(now.Object, from) || sameVolume(now.Object, to)):
		return false, s.deleteStep(ctx, now, to) // the object is the new one if an earlier run went in the other direction
	case sameVolume(now.Object, to):
		if s.created {
			if err := s.journal.makes(volumeEntry(name), string(now.GetUID())); err != nil {
				return false, err
			}
		}
		if err := s.bindAndSetPolicy(ctx, now, to); err != nil {
			return false, err
		}
		return true, s.journal.replaced(volumeEntry(name))
	case sameVolume(now.Object, from):
		return false, s.deleteStep(ctx, now, to)
	}
	return false, fmt.Errorf("PersistentVolume %s: %w: it has another source, size, claim or class; make a new plan", name, ErrChanged)
}

// mayPass reports whether a retry may succeed. After such an error, a swap that has deleted something continues.
func mayPass(err error) bool {
	return errors.Is(err, kube.ErrNoAnswer) || errors.Is(err, errHeld) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsInternalError(err)
}

// wait waits for the time d. If ctx is done before, wait returns the cause.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func isDeleting(object *unstructured.Unstructured) bool { return object.GetDeletionTimestamp() != nil }

func volumeEntry(name string) string { return volumesResource().Name + "/" + name }

// sameVolume reports whether a PersistentVolume has the spec of the planned one. The policy is not compared, because the migration
// changes it.
func sameVolume(now, planned map[string]any) bool {
	return reflect.DeepEqual(comparableSpec(now), comparableSpec(planned))
}

// differences returns the names of the spec's fields that differ from the plan.
func differences(now, planned map[string]any) (fields []string) {
	is, was := comparableSpec(now), comparableSpec(planned)
	for _, field := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(sortedKeys(is), sortedKeys(was))))) {
		if !reflect.DeepEqual(is[field], was[field]) {
			fields = append(fields, field)
		}
	}
	return fields
}

// comparableSpec returns the part of a spec that must be the same as in the plan, in a form that can be compared.
func comparableSpec(object map[string]any) map[string]any {
	spec, _, _ := unstructured.NestedMap(object, "spec")
	if spec == nil {
		return nil
	}
	delete(spec, "persistentVolumeReclaimPolicy")
	unstructured.RemoveNestedField(spec, "claimRef", "resourceVersion")
	// The API server fills in apiVersion and kind.
	unstructured.RemoveNestedField(spec, "claimRef", "apiVersion")
	unstructured.RemoveNestedField(spec, "claimRef", "kind")
	if spec["volumeMode"] == nil {
		spec["volumeMode"] = "Filesystem" // the default
	}
	content, err := json.Marshal(spec)
	if err != nil {
		return spec
	}
	var plain map[string]any // numbers have different types in files and in responses
	if err := json.Unmarshal(content, &plain); err != nil {
		return spec
	}
	return plain
}

// deleteStep carries out the next step of deleting a PersistentVolume: policy Retain, deletion, finalizers. It changes nothing
// unless the API server would accept the new PersistentVolume.
func (s *swapper) deleteStep(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	entry := volumeEntry(now.GetName())
	if !isDeleting(now) {
		if err := s.checkCreate(ctx, to); err != nil {
			return err
		}
		if err := s.compareCreate(ctx, to); err != nil {
			return err
		}
	}
	switch {
	case policyOf(now.Object) != policyRetain:
		return s.retain(ctx, now)
	case !isDeleting(now):
		if err := s.journal.deletes(entry, deletionOf(now)); err != nil {
			return err
		}
		err := ignoreNotFound(s.api.Delete(ctx, volumesResource(), "", now.GetName(), string(now.GetUID())))
		if isRefusal(err) {
			err = errors.Join(err, s.journal.keeps(entry))
		}
		return err
	case !slices.ContainsFunc(now.GetFinalizers(), isOwnFinalizer):
		return fmt.Errorf("PersistentVolume %s %w: %s", now.GetName(), errHeld, strings.Join(now.GetFinalizers(), ", "))
	}
	// A bound PersistentVolume disappears only without its finalizers. With the resource version, the patch fails if the object has
	// changed meanwhile.
	left, err := json.Marshal(slices.DeleteFunc(now.GetFinalizers(), isOwnFinalizer))
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"finalizers":%s,"resourceVersion":%q}}`, left, now.GetResourceVersion())
	err = s.api.Patch(ctx, volumesResource(), "", now.GetName(), []byte(patch))
	if apierrors.IsConflict(err) {
		return nil // the next step reads it again
	}
	return ignoreNotFound(err)
}

// errHeld is returned for a PersistentVolume that is being deleted and has only finalizers of other programs.
var errHeld = errors.New("is kept until other programs remove their finalizers")

// isRefusal reports whether it is certain that the API server did not carry out a request.
func isRefusal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsConflict(err) ||
		apierrors.IsMethodNotSupported(err)
}

// retain sets a PersistentVolume's policy to Retain.
func (s *swapper) retain(ctx context.Context, now *unstructured.Unstructured) error {
	if err := s.journal.retains(volumeEntry(now.GetName()), string(now.GetUID())); err != nil {
		return err
	}
	return s.setPolicy(ctx, now, policyRetain)
}

func policyOf(pv map[string]any) string {
	policy, _, _ := unstructured.NestedString(pv, "spec", "persistentVolumeReclaimPolicy")
	return policy
}

// isOwnFinalizer reports whether a finalizer is one that Kubernetes or external-provisioner sets. A migration may remove these,
// because it takes over the volumes that they protect.
func isOwnFinalizer(name string) bool {
	return name == "kubernetes.io/pv-protection" || name == "kubernetes.io/pv-controller" || name == "external-provisioner.volume.kubernetes.io/finalizer"
}

// errNotCreated is returned when a PersistentVolume was deleted and the new one cannot be created: its claim is Lost.
var errNotCreated = errors.New("the new PersistentVolume cannot be made")

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// setPolicy sets the policy of this PersistentVolume. It returns ErrChanged if another one has the name now.
func (s *swapper) setPolicy(ctx context.Context, now *unstructured.Unstructured, policy string) error {
	err := s.api.Patch(ctx, volumesResource(), "", now.GetName(), policyPatch(now, policy))
	if apierrors.IsInvalid(err) {
		return fmt.Errorf("PersistentVolume %s: %w: it was deleted and made again, and not by this migration: %w", now.GetName(), ErrChanged, err)
	}
	return err
}

// policyPatch returns a patch that names the uid, which no patch can change: the API server refuses the patch for another object.
func policyPatch(now *unstructured.Unstructured, policy string) []byte {
	return fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"persistentVolumeReclaimPolicy":%q}}`, now.GetUID(), policy)
}

// create creates the new PersistentVolume after the old one is gone. It fails with ErrChanged if the journal has no entry of the
// deletion: then this migration did not delete the PersistentVolume.
func (s *swapper) create(ctx context.Context, from, to map[string]any) error {
	name := nameOf(from)
	if !s.journal.has(volumeEntry(name)) {
		return fmt.Errorf("PersistentVolume %s: %w: it does not exist, and this migration has not deleted it", name, ErrChanged)
	}
	made, err := withRetain(to)
	if err == nil {
		err = s.journal.creates(volumeEntry(name), isOfDriver(to))
	}
	if err == nil {
		err = s.api.Create(ctx, volumesResource(), made)
		// After an error of the API server's own store, the PersistentVolume may exist. After AlreadyExists, another program made it.
		s.created = err == nil || !isRefusal(err) && !apierrors.IsAlreadyExists(err)
	}
	if err != nil && !apierrors.IsAlreadyExists(err) { // the next step reads the result
		return fmt.Errorf("%w, and its claim is Lost until it is made: %w", errNotCreated, err)
	}
	return nil
}

// bindAndSetPolicy waits until the claim is bound to the new PersistentVolume, and then sets its policy. If the claim is gone,
// the policy stays Retain, because with Delete the volume would be deleted at once. It also stays Retain if an administrator may
// have made this PersistentVolume.
func (s *swapper) bindAndSetPolicy(ctx context.Context, now *unstructured.Unstructured, to map[string]any) error {
	bound, err := s.waitUntilBound(ctx, now)
	if err != nil || !bound {
		return err
	}
	if policyOf(now.Object) == policyOf(to) {
		return nil
	}
	if !s.journal.hasMade(now) {
		s.note = fmt.Sprintf("its policy stays Retain: an earlier run was killed when it made this PersistentVolume, and an administrator may have made it again; "+
			"set the policy to %s if you want that", policyOf(to))
		return nil
	}
	return s.setPolicy(ctx, now, policyOf(to))
}

// waitUntilBound waits until the claim of a new PersistentVolume is bound to that PersistentVolume. Kubernetes looks at a Lost
// claim every 15 s, and immediately after the claim changes. bound is false if the claim does not exist or is being deleted.
func (s *swapper) waitUntilBound(ctx context.Context, pv *unstructured.Unstructured) (bound bool, err error) {
	view, err := read[persistentVolume](*pv)
	if err != nil || view.Spec.ClaimRef == nil {
		return false, err
	}
	ref, deadline := view.Spec.ClaimRef, time.Now().Add(s.wait)
	if gone, err := s.waitUntilSeen(ctx, pv, ref, deadline); err != nil || gone {
		return false, err
	}
	for touched := (time.Time{}); ; { // before the claim is touched, the phase may still come from the old PersistentVolume
		gone, c, err := s.claimOf(ctx, ref)
		switch {
		case err != nil || gone:
			return false, err
		case !touched.IsZero() && c.Status.Phase == phaseBound && c.Spec.VolumeName == pv.GetName():
			return true, nil
		case time.Now().After(deadline):
			return false, fmt.Errorf("claim %s/%s is %s %v after PersistentVolume %s was made for it; is kube-controller-manager running? Run this again when it is",
				ref.Namespace, ref.Name, c.Status.Phase, s.wait, pv.GetName())
		case time.Since(touched) > touchInterval:
			if err := s.touchClaim(ctx, ref); err != nil {
				return false, err
			}
			touched = time.Now()
			continue
		}
		if err := wait(ctx, s.poll); err != nil {
			return false, err
		}
	}
}

// waitUntilSeen waits until kube-controller-manager has seen a new PersistentVolume and set its phase. If kube-controller-manager
// looks at the claim before that, the claim becomes Lost. The wait ends at the deadline, or if the claim is gone.
func (s *swapper) waitUntilSeen(ctx context.Context, pv *unstructured.Unstructured, ref *reference, deadline time.Time) (gone bool, err error) {
	for time.Now().Before(deadline) {
		if gone, _, err := s.claimOf(ctx, ref); err != nil || gone {
			return gone, err
		}
		phase, _, _ := unstructured.NestedString(pv.Object, "status", "phase")
		if slices.Contains([]string{phaseBound, "Released", "Failed"}, phase) {
			return false, nil
		}
		if err := wait(ctx, s.poll); err != nil {
			return false, err
		}
		if pv, err = s.api.Get(ctx, volumesResource(), "", pv.GetName()); err != nil {
			return false, err
		}
	}
	return false, nil
}

// claimOf returns the claim that a PersistentVolume names. gone is true if the claim does not exist, is being deleted, or has
// another uid.
func (s *swapper) claimOf(ctx context.Context, ref *reference) (gone bool, c claim, err error) {
	object, err := s.api.Get(ctx, claimsResource(), ref.Namespace, ref.Name)
	if apierrors.IsNotFound(err) {
		return true, claim{}, nil
	}
	if err != nil {
		return false, claim{}, err
	}
	c, err = read[claim](*object)
	return c.Metadata.UID != ref.UID || c.Metadata.DeletionTimestamp != "", c, err
}

// touchInterval is how often a claim is changed until it is bound. At the first change, Kubernetes may not have seen the new
// PersistentVolume yet, and a claim that it has found Lost stays Lost for 15 s.
const touchInterval = 500 * time.Millisecond

// touchClaim changes a claim, so that Kubernetes looks at it immediately.
func (s *swapper) touchClaim(ctx context.Context, ref *reference) error {
	return ignoreNotFound(s.api.Patch(ctx, claimsResource(), ref.Namespace, ref.Name, touchPatch()))
}

func touchPatch() []byte {
	return fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, annotationReplacedAt, time.Now().UTC().Format(time.RFC3339Nano))
}

// annotationReplacedAt is set on claims whose PersistentVolume was replaced. Changing it makes Kubernetes look at the claim
// immediately.
const annotationReplacedAt = "glusterfs.csi.gluster.org/volume-replaced-at"

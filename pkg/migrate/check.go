package migrate

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// check returns an error if anything differs from the plan, or if a pod uses the volume. In a dry run, the returned note
// names the owners that would be scaled to 0.
func (a *Applier) check(ctx context.Context, v VolumePlan, now *unstructured.Unstructured, from, to map[string]any) (note string, err error) {
	if err := unchanged(now.Object, from); err != nil {
		return "", err
	}
	if err := a.checkProof(ctx, v, to); err != nil {
		return "", err
	}
	running, err := a.checkClaim(ctx, v, from, to)
	switch {
	case err != nil || len(running) == 0:
		return "", err
	case !a.Scale:
		return "", inUse(v.Claim, running)
	case a.DryRun:
		return a.dryRunScaleDown(ctx, running)
	}
	if err := a.scaleDown(ctx, v, now, running); err != nil {
		return "", err
	}
	return "", a.checkAgain(ctx, v, from, to)
}

// checkAgain repeats the checks whose results may have changed while pods were being stopped.
func (a *Applier) checkAgain(ctx context.Context, v VolumePlan, from, to map[string]any) error {
	now, err := a.API.Get(ctx, volumesResource(), "", v.Name)
	if err != nil {
		return err
	}
	if err := unchanged(now.Object, from); err != nil {
		return err
	}
	running, err := a.checkClaim(ctx, v, from, to)
	if err == nil && len(running) > 0 {
		err = fmt.Errorf("pods use its claim %s again: %s", v.Claim, namesOf(running))
	}
	return err
}

// checkProof proves again that the driver's PersistentVolume stands for the right volume.
func (a *Applier) checkProof(ctx context.Context, v VolumePlan, to map[string]any) error {
	if !isOfDriver(to) {
		return nil
	}
	return a.proveAgain(ctx, v)
}

// checkPods returns an error if pods use a PersistentVolume that is being deleted.
func (a *Applier) checkPods(ctx context.Context, v VolumePlan, now *unstructured.Unstructured) error {
	namespace, name, ok := strings.Cut(v.Claim, "/")
	if !ok {
		return nil
	}
	running, err := a.runningPods(ctx, namespace, name, isOfDriver(now.Object))
	if err == nil && len(running) > 0 {
		err = inUse(v.Claim, running)
	}
	return err
}

func inUse(claimName string, running []pod) error {
	return fmt.Errorf("pods use its claim %s: %s; stop them, or let --scale-down stop them, and run this again", claimName, namesOf(running))
}

// isOfDriver reports whether a PersistentVolume belongs to a CSI driver.
func isOfDriver(object map[string]any) bool {
	_, ok, _ := unstructured.NestedMap(object, "spec", "csi")
	return ok
}

// unchanged returns an error if a PersistentVolume differs from the one in the plan. Labels and annotations of the driver's
// PersistentVolumes are not compared, because sidecars and other programs add their own.
func unchanged(now, planned map[string]any) error {
	if !sameVolume(now, planned) {
		return fmt.Errorf("%w: its spec has changed (%s); make a new plan, in another file", ErrChanged, strings.Join(differences(now, planned), ", "))
	}
	for _, field := range []string{"labels", "annotations"} {
		is, _, _ := unstructured.NestedMap(now, "metadata", field)
		was, _, _ := unstructured.NestedMap(planned, "metadata", field)
		if len(is)+len(was) > 0 && !reflect.DeepEqual(is, was) && !isOfDriver(planned) {
			return fmt.Errorf("%w: its %s have changed", ErrChanged, field)
		}
	}
	object := &unstructured.Unstructured{Object: now}
	if isDeleting(object) {
		return fmt.Errorf("%w: it is being deleted", ErrChanged)
	}
	if foreign := slices.DeleteFunc(object.GetFinalizers(), isOwnFinalizer); len(foreign) > 0 {
		return fmt.Errorf("%w: it has a finalizer of another program: %s; remove it first if that program agrees", ErrChanged, strings.Join(foreign, ", "))
	}
	return nil
}

// checkClaim returns the pods that use the claim, or an error if the claim differs from the one in the plan.
func (a *Applier) checkClaim(ctx context.Context, v VolumePlan, from, to map[string]any) (running []pod, err error) {
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
	case gone && isOfDriver(to) && policy == policyDelete: // the claim existed when the plan was made
		return nil, fmt.Errorf("%w: its claim %s, so that the policy Delete would delete the volume", ErrChanged, fate(v.Claim, object))
	case gone && isOfDriver(to) && v.Phase == phaseBound:
		return nil, fmt.Errorf("%w: its claim %s", ErrChanged, fate(v.Claim, object))
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
	return a.runningPods(ctx, namespace, name, isOfDriver(from))
}

const phaseBound = "Bound"

// fate describes what happened to a claim that was deleted. The argument now is the present claim of that name, or nil.
func fate(name string, now *unstructured.Unstructured) string {
	if now == nil {
		return name + " is gone"
	}
	return fmt.Sprintf("%s was deleted and made again, with the uid %s", name, now.GetUID())
}

// runningPods returns the pods that may have the volume mounted. Pods that still wait for their volumes are left out: they will
// get the new PersistentVolume. mountable is whether a kubelet can mount the present PersistentVolume.
func (a *Applier) runningPods(ctx context.Context, namespace, claimName string, mountable bool) (running []pod, err error) {
	pods, err := a.API.List(ctx, podsResource(), namespace, "Pod", usesVolumes)
	if err != nil {
		return nil, err
	}
	for _, object := range pods {
		p, err := read[pod](object)
		if err != nil {
			return nil, err
		}
		if p.uses(claimName) && p.mayHaveMounts(mountable) {
			running = append(running, p)
		}
	}
	return running, nil
}

// uses reports whether a pod uses a claim, including the claim of an ephemeral volume.
func (p pod) uses(claimName string) bool {
	return slices.ContainsFunc(p.Spec.Volumes, func(v podVolume) bool {
		return v.Claim != nil && v.Claim.Name == claimName || v.Ephemeral != nil && p.Metadata.Name+"-"+v.Name == claimName
	})
}

// mayHaveMounts reports whether a pod's volumes may be mounted. The kubelet mounts volumes before it makes the pod's sandbox and
// pulls images, but the pod's status does not show the mounts: both before and after them, the reason is ContainerCreating or
// PodInitializing. Therefore, if a kubelet can mount the volume, every pending pod that has a node counts. If no kubelet can mount
// it, as with the in-tree plugin, a pending pod counts only if its status shows a sandbox or a container in a later state.
func (p pod) mayHaveMounts(mountable bool) bool {
	switch p.Status.Phase {
	case "Running", "Unknown":
		return true
	case "Pending":
		sandbox := slices.ContainsFunc(p.Status.Conditions, func(c podCondition) bool { return c.Type == "PodReadyToStartContainers" && c.Status == "True" })
		return mountable && p.Spec.NodeName != "" || sandbox || slices.ContainsFunc(slices.Concat(p.Status.Init, p.Status.Containers), func(c containerStatus) bool {
			before := c.State.Waiting == nil || slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, c.State.Waiting.Reason)
			return c.State.Running != nil || c.State.Terminated != nil || !before
		})
	}
	return false
}

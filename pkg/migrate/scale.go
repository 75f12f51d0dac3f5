package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// AnnotationReplicas holds the number of replicas that an owner had before a migration scaled it to 0. If a run is killed, the
// next one finds the owners by this annotation.
const AnnotationReplicas = "glusterfs.csi.gluster.org/replicas-before-migration"

// AnnotationScaledBy holds, beside AnnotationReplicas, the ID of the plan whose migration scaled an owner to 0. Other plans do
// not scale it.
const AnnotationScaledBy = "glusterfs.csi.gluster.org/scaled-down-by-plan"

func deploymentsResource() kube.Resource  { return kube.Resource{Group: "apps", Name: "deployments"} }
func replicaSetsResource() kube.Resource  { return kube.Resource{Group: "apps", Name: "replicasets"} }
func statefulSetsResource() kube.Resource { return kube.Resource{Group: "apps", Name: "statefulsets"} }

// scalable returns the kinds of owners that can be scaled, with their resources.
func scalable() map[string]kube.Resource {
	return map[string]kube.Resource{"Deployment": deploymentsResource(), "ReplicaSet": replicaSetsResource(), "StatefulSet": statefulSetsResource()}
}

// scaleDown scales the owners of running pods to 0, and waits until these pods are gone. It sets the policy to Retain first, so
// that the volume stays if its claim is deleted meanwhile.
func (a *Applier) scaleDown(ctx context.Context, v VolumePlan, now *unstructured.Unstructured, running []pod) error {
	namespace, claimName, _ := strings.Cut(v.Claim, "/")
	if _, err := a.dryRunScaleDown(ctx, running); err != nil {
		return err
	}
	if policyOf(now.Object) != policyRetain { // an administrator's Retain must not be mistaken for the migration's
		s := swapper{api: a.API, journal: a.Journal}
		if err := s.retain(ctx, now); err != nil {
			return err
		}
	}
	for _, p := range running {
		if err := a.scaleOwnerOf(ctx, p); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(a.Wait)
	for {
		left, err := a.runningPods(ctx, namespace, claimName, isOfDriver(now.Object))
		switch {
		case err != nil || len(left) == 0:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("pods still run %v after their owners were scaled to 0: %s", a.Wait, namesOf(left))
		}
		if err := wait(ctx, a.Poll); err != nil {
			return err
		}
	}
}

// dryRunScaleDown checks that the owners of pods can be scaled to 0, and returns their names.
func (a *Applier) dryRunScaleDown(ctx context.Context, running []pod) (note string, err error) {
	var owners []string
	for _, p := range running {
		of, owner, err := a.scalableOwnerOf(ctx, p)
		if err == nil {
			err = a.API.DryRunPatch(ctx, of, owner.GetNamespace(), owner.GetName(), a.scaleDownPatch(owner))
		}
		if err != nil {
			return "", err
		}
		owners = append(owners, fmt.Sprintf("%s %s/%s", owner.GetKind(), owner.GetNamespace(), owner.GetName()))
	}
	slices.Sort(owners)
	return "scaled to 0 first: " + strings.Join(slices.Compact(owners), ", "), nil
}

// scaleOwnerOf scales a pod's owner to 0, and records the previous number of replicas in the same request.
func (a *Applier) scaleOwnerOf(ctx context.Context, p pod) error {
	of, owner, err := a.scalableOwnerOf(ctx, p)
	if err != nil || isScaledDown(owner) {
		return err // if err is nil, an earlier call has scaled the owner down, and its pods are about to end
	}
	return a.API.Patch(ctx, of, owner.GetNamespace(), owner.GetName(), a.scaleDownPatch(owner))
}

func (a *Applier) scaleDownPatch(owner *unstructured.Unstructured) []byte {
	replicas, given, _ := unstructured.NestedInt64(owner.Object, "spec", "replicas")
	if !given {
		replicas = 1 // the default
	}
	return fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"%d",%q:%q}},"spec":{"replicas":0}}`, AnnotationReplicas, replicas, AnnotationScaledBy, a.Plan.ID)
}

// isScaledDown reports whether a migration has scaled an owner to 0. The annotation alone is no proof: the Deployment controller
// copies annotations to the ReplicaSets, and kubectl rollout undo copies them back.
func isScaledDown(owner *unstructured.Unstructured) bool {
	replicas, given, _ := unstructured.NestedInt64(owner.Object, "spec", "replicas")
	return owner.GetAnnotations()[AnnotationReplicas] != "" && given && replicas == 0
}

// scalableOwnerOf returns a pod's owner, or an error if this plan cannot or must not scale it.
func (a *Applier) scalableOwnerOf(ctx context.Context, p pod) (of kube.Resource, owner *unstructured.Unstructured, err error) {
	of, owner, err = a.ownerOf(ctx, p.Metadata)
	if err != nil {
		return of, nil, err
	}
	if owner == nil {
		return of, nil, fmt.Errorf("pod %s%s has no owner that can be scaled; stop it, and run this again", p.Metadata.key(), madeBy(p.Metadata))
	}
	if when, _, _ := unstructured.NestedString(owner.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"); when == "Delete" {
		return of, nil, fmt.Errorf("StatefulSet %s/%s deletes its claims when it is scaled down (persistentVolumeClaimRetentionPolicy.whenScaled); set that to Retain first",
			owner.GetNamespace(), owner.GetName())
	}
	if by := owner.GetAnnotations()[AnnotationScaledBy]; isScaledDown(owner) && by != a.Plan.ID {
		return of, nil, fmt.Errorf("%s %s/%s was scaled to 0 for the plan with the id %q, and has not been scaled back: run apply or rollback of that plan with --scale-down again first",
			owner.GetKind(), owner.GetNamespace(), owner.GetName(), by)
	}
	return of, owner, nil
}

// ownerOf returns a pod's topmost owner, or nil if the pod has no owner or the owner cannot be scaled.
func (a *Applier) ownerOf(ctx context.Context, m metadata) (of kube.Resource, found *unstructured.Unstructured, err error) {
	for {
		i := slices.IndexFunc(m.OwnerReferences, func(o owner) bool { return o.Controller })
		if i < 0 {
			return of, found, nil
		}
		next, ok := scalable()[m.OwnerReferences[i].Kind]
		if !ok {
			return of, nil, nil // such as an operator's object: the operator would scale it up again
		}
		of = next
		if found, err = a.API.Get(ctx, of, m.Namespace, m.OwnerReferences[i].Name); err != nil {
			return of, nil, err
		}
		view, err := read[struct {
			Metadata metadata `json:"metadata"`
		}](*found)
		if err != nil {
			return of, nil, err
		}
		m = view.Metadata
	}
}

// ScaleUp restores the replicas of every owner that a run of this plan scaled to 0. It continues after an error.
func (a *Applier) ScaleUp(ctx context.Context) error {
	if a.DryRun {
		return nil
	}
	var errs []error
	for _, kind := range sortedKeys(scalable()) {
		of := scalable()[kind]
		found, err := a.API.List(ctx, of, "", kind, a.hasScaled)
		errs = append(errs, err)
		for _, owner := range found {
			errs = append(errs, a.scaleUp(ctx, of, owner))
		}
	}
	return errors.Join(errs...)
}

// hasScaled reports whether a run of this plan scaled an owner to 0. An object that has a controller does not count, because the
// ReplicaSets of a Deployment have the Deployment's annotations.
func (a *Applier) hasScaled(owner unstructured.Unstructured) bool {
	if slices.ContainsFunc(owner.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.Controller != nil && *r.Controller }) {
		return false
	}
	annotations := owner.GetAnnotations()
	return annotations[AnnotationReplicas] != "" && annotations[AnnotationScaledBy] == a.Plan.ID
}

// scaleUp restores an owner's replicas, and removes the annotations. If the owner has replicas, their number stays.
func (a *Applier) scaleUp(ctx context.Context, of kube.Resource, owner unstructured.Unstructured) error {
	spec := ""
	if isScaledDown(&owner) {
		replicas, err := strconv.ParseUint(owner.GetAnnotations()[AnnotationReplicas], 10, 31)
		if err != nil {
			return fmt.Errorf("%s %s/%s: annotation %s: %w", owner.GetKind(), owner.GetNamespace(), owner.GetName(), AnnotationReplicas, err)
		}
		spec = fmt.Sprintf(`,"spec":{"replicas":%d}`, replicas)
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null,%q:null}}%s}`, AnnotationReplicas, AnnotationScaledBy, spec)
	return a.API.Patch(ctx, of, owner.GetNamespace(), owner.GetName(), patch)
}

func namesOf(pods []pod) string {
	names := make([]string, 0, len(pods))
	for _, p := range pods {
		names = append(names, p.Metadata.Name+madeBy(p.Metadata))
	}
	return strings.Join(names, ", ")
}

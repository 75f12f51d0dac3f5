package kube

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// GIDAnnotation on a PersistentVolume makes the kubelet add the group to the supplemental groups of every pod that uses the
// volume, for every kind of volume (kubernetes: pkg/volume/util, VolumeGidAnnotationKey).
const GIDAnnotation = "pv.beta.kubernetes.io/gid"

// gidAttribute is the key in spec.csi.volumeAttributes with a volume's group (volume.ContextGID).
const gidAttribute = "gid"

const annotateVerbs = "list, watch and patch persistentvolumes"

// usableGID reports whether pods may get a group that volume attributes name: it must be a group with which volumes are made.
// Lower groups are those of the system, including root's, and a larger number would be cut to 32 bits, perhaps to 0.
func usableGID(attribute string) bool {
	gid, err := strconv.ParseInt(attribute, 10, 64)
	return err == nil && strconv.FormatInt(gid, 10) == attribute && volume.DefaultGIDRange().Contains(gid)
}

// AnnotateGIDs gives every PersistentVolume of the driver the annotation GIDAnnotation with the group of its volume attributes,
// now and when new ones appear, until ctx is done. A PersistentVolume that has the annotation is not changed, whatever the value.
// Two processes can do this at the same time: a write applies only to the version of the object that was read, and both write the
// same.
//
// AnnotateGIDs is needed for API servers without MutatingAdmissionPolicy. Such a policy adds the annotation in the request that
// creates the PersistentVolume. AnnotateGIDs adds the annotation a moment later, or much later if the controller or the API server
// is down. The kubelet reads the annotation when it starts a pod. So a pod that starts before the annotation is there lacks the
// group, and its users other than root cannot write, until the pod is recreated.
func (c *Client) AnnotateGIDs(ctx context.Context, driver string) {
	volumes := c.resource("", "persistentvolumes", annotateVerbs)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[ungrouped](100*time.Millisecond, time.Minute))
	logger := klog.FromContext(ctx)
	reflector := volumes.pagedReflector(logger, "annotate-pv-gid", "persistentvolumes", &ungroupedStore{driver: driver, queue: queue})

	context.AfterFunc(ctx, queue.ShutDown)
	watched := make(chan struct{})
	go func() { defer close(watched); reflector.RunWithContext(ctx) }()
	for {
		pv, shutdown := queue.Get()
		if shutdown {
			<-watched
			return
		}
		if err := annotate(ctx, volumes, pv); err != nil && ctx.Err() == nil {
			logger.Error(err, "A PersistentVolume could not be annotated with its group; trying again", "persistentVolume", pv.name, "gid", pv.gid)
			queue.AddRateLimited(pv)
		} else {
			queue.Forget(pv)
		}
		queue.Done(pv)
	}
}

// annotate returns nil when there is nothing more to do for this version of the object.
func annotate(ctx context.Context, volumes resource, pv ungrouped) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": pv.version, // the API server refuses to patch another version
		"annotations":     map[string]string{GIDAnnotation: pv.gid},
	}})
	if err != nil {
		return err
	}
	err = volumes.patch(ctx, pv.name, types.MergePatchType, patch)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return nil // if there is a newer version, the watch delivers it
	case err != nil:
		return err
	}
	klog.FromContext(ctx).Info("Annotated a PersistentVolume with its group", "persistentVolume", pv.name, "gid", pv.gid)
	return nil
}

// ungrouped is one version of a PersistentVolume that lacks the annotation.
type ungrouped struct{ name, version, gid string }

// ungroupedStore is the store of the reflector. It does not keep objects, but queues those that need the annotation.
type ungroupedStore struct {
	driver string
	queue  workqueue.TypedInterface[ungrouped]
}

// Add queues the object if it lacks the annotation.
func (s *ungroupedStore) Add(object any) error {
	pv, ok := object.(*unstructured.Unstructured)
	if !ok || pv.GetDeletionTimestamp() != nil {
		return nil
	}
	if _, annotated := pv.GetAnnotations()[GIDAnnotation]; annotated {
		return nil
	}
	driver, _, _ := unstructured.NestedString(pv.Object, "spec", "csi", "driver")
	gid, _, _ := unstructured.NestedString(pv.Object, "spec", "csi", "volumeAttributes", gidAttribute)
	if driver == s.driver && usableGID(gid) {
		s.queue.Add(ungrouped{name: pv.GetName(), version: pv.GetResourceVersion(), gid: gid})
	}
	return nil
}

// Update does the same as Add.
func (s *ungroupedStore) Update(object any) error { return s.Add(object) }

// Delete does nothing: there is nothing to forget.
func (s *ungroupedStore) Delete(any) error { return nil }

// Replace does nothing: the objects of a list were added page by page.
func (s *ungroupedStore) Replace([]any, string) error { return nil }

// Resync does nothing: failed objects are still in the queue.
func (s *ungroupedStore) Resync() error { return nil }

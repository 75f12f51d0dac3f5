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

// GIDAnnotation on a PersistentVolume makes the kubelet add the group to the supplemental groups of every pod that
// uses the volume, of whatever kind the volume is (kubernetes: pkg/volume/util, VolumeGidAnnotationKey).
const GIDAnnotation = "pv.beta.kubernetes.io/gid"

// gidAttribute is where the driver writes a volume's group into spec.csi.volumeAttributes (volume.ContextGID).
const gidAttribute = "gid"

const annotateVerbs = "list, watch and patch persistentvolumes"

// usableGID reports whether pods may get a group that volume attributes name: one of those that volumes are made with. Groups
// below are those of the system, root's among them, and a larger number would be cut to 32 bits, to 0 perhaps.
func usableGID(attribute string) bool {
	gid, err := strconv.ParseInt(attribute, 10, 64)
	return err == nil && strconv.FormatInt(gid, 10) == attribute && volume.DefaultGIDRange().Contains(gid)
}

// AnnotateGIDs gives every PersistentVolume of the driver the annotation GIDAnnotation with the group of its volume
// attributes, now and when new ones appear, until ctx is done. A PersistentVolume that has the annotation is left alone,
// whatever its value. Two processes that do this at a time do each other no harm: each write holds for the version of the
// object that was read, and says the same.
//
// It is for API servers that do not serve MutatingAdmissionPolicy, which adds the annotation in the request that creates
// the PersistentVolume. This one comes a moment later, longer while the controller or the API server is away. The
// kubelet reads the annotation when it starts a pod: one that was started in this window lacks the group until it is
// made anew, and a user who is not root cannot write until then.
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
		"resourceVersion": pv.version, // the API server refuses the patch of another version
		"annotations":     map[string]string{GIDAnnotation: pv.gid},
	}})
	if err != nil {
		return err
	}
	err = volumes.patch(ctx, pv.name, types.MergePatchType, patch)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return nil // the watch brings the newer version, if there is one
	case err != nil:
		return err
	}
	klog.FromContext(ctx).Info("Annotated a PersistentVolume with its group", "persistentVolume", pv.name, "gid", pv.gid)
	return nil
}

// ungrouped is one version of a PersistentVolume that lacks the annotation.
type ungrouped struct{ name, version, gid string }

// ungroupedStore is what the reflector writes to. It keeps no objects, it queues those that have work to do.
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

// Update is Add.
func (s *ungroupedStore) Update(object any) error { return s.Add(object) }

// Delete has nothing to forget.
func (s *ungroupedStore) Delete(any) error { return nil }

// Replace has nothing to do: the objects of a list have been added page by page.
func (s *ungroupedStore) Replace([]any, string) error { return nil }

// Resync has nothing to do: what failed is in the queue.
func (s *ungroupedStore) Resync() error { return nil }

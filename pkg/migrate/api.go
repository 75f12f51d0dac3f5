package migrate

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// API holds the calls of the API server that a migration makes; *kube.Client implements it.
type API interface {
	// List returns all objects for which the function keep returns true, in one namespace or, if namespace is "", in all. The
	// argument kind is the kind of each object, such as Pod.
	List(ctx context.Context, of kube.Resource, namespace, kind string, keep func(unstructured.Unstructured) bool) ([]unstructured.Unstructured, error)
	// Get returns an object. If the object does not exist, apierrors.IsNotFound holds for the error.
	Get(ctx context.Context, of kube.Resource, namespace, name string) (*unstructured.Unstructured, error)
	Create(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) error
	// DryRunCreate has the API server check an object without creating it, and returns the object as it would be created. If an
	// object of that name exists and everything else is valid, apierrors.IsAlreadyExists holds for the error.
	DryRunCreate(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Patch merges a JSON document into an object.
	Patch(ctx context.Context, of kube.Resource, namespace, name string, patch []byte) error
	// DryRunPatch has the API server check a patch without carrying it out.
	DryRunPatch(ctx context.Context, of kube.Resource, namespace, name string, patch []byte) error
	// Delete deletes the object with this uid. If the object of that name has another uid, it is left alone, and
	// apierrors.IsConflict holds for the error.
	Delete(ctx context.Context, of kube.Resource, namespace, name, uid string) error
	// DryRunDelete has the API server check a deletion without carrying it out.
	DryRunDelete(ctx context.Context, of kube.Resource, namespace, name, uid string) error
}

func volumesResource() kube.Resource { return kube.Resource{Name: "persistentvolumes"} }
func claimsResource() kube.Resource  { return kube.Resource{Name: "persistentvolumeclaims"} }
func classesResource() kube.Resource {
	return kube.Resource{Group: "storage.k8s.io", Name: "storageclasses"}
}
func endpointsResource() kube.Resource  { return kube.Resource{Name: "endpoints"} }
func servicesResource() kube.Resource   { return kube.Resource{Name: "services"} }
func podsResource() kube.Resource       { return kube.Resource{Name: "pods"} }
func namespacesResource() kube.Resource { return kube.Resource{Name: "namespaces"} }

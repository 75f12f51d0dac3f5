package migrate

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// API holds the calls of the API server that a migration makes; *kube.Client implements it.
type API interface {
	// List returns all objects that keep selects, of one namespace or, with "", of all. Kind is that of one object.
	List(ctx context.Context, of kube.Resource, namespace, kind string, keep func(unstructured.Unstructured) bool) ([]unstructured.Unstructured, error)
	// Get returns an object, or an error for which apierrors.IsNotFound holds.
	Get(ctx context.Context, of kube.Resource, namespace, name string) (*unstructured.Unstructured, error)
	Create(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) error
	// DryRunCreate has the API server check an object and make nothing. It is an error for which apierrors.IsAlreadyExists holds if
	// nothing else is wrong and there is one of its name.
	DryRunCreate(ctx context.Context, of kube.Resource, object *unstructured.Unstructured) error
	// Patch merges a JSON document into an object.
	Patch(ctx context.Context, of kube.Resource, namespace, name string, patch []byte) error
	// Delete deletes the object with this uid, and no other of its name.
	Delete(ctx context.Context, of kube.Resource, namespace, name, uid string) error
	// DryRunDelete has the API server check a deletion, and deletes nothing.
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

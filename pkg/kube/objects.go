package kube

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Resource identifies a kind of objects of version v1: by its group ("" is the core group) and its name in URLs.
type Resource struct{ Group, Name string }

func (c *Client) of(r Resource, namespace, verb string) resource {
	if namespace == "" {
		return c.resource(r.Group, r.Name, verb+" "+r.Name)
	}
	return c.namespaced(r.Group, r.Name, namespace, verb+" "+r.Name)
}

// List returns all objects for which the function keep returns true, in one namespace or, if namespace is "", in all namespaces.
// It never returns a partial list without an error. The parameter kind is the kind of a single object, such as Endpoints.
func (c *Client) List(ctx context.Context, r Resource, namespace, kind string, keep func(unstructured.Unstructured) bool) ([]unstructured.Unstructured, error) {
	return listAll(ctx, c.of(r, namespace, "list"), kind, func(item unstructured.Unstructured) (unstructured.Unstructured, bool, error) {
		return item, keep(item), nil
	})
}

// Get returns an object, or an error for which apierrors.IsNotFound is true.
func (c *Client) Get(ctx context.Context, r Resource, namespace, name string) (*unstructured.Unstructured, error) {
	return c.of(r, namespace, "get").get(ctx, name)
}

// Create creates an object.
func (c *Client) Create(ctx context.Context, r Resource, object *unstructured.Unstructured) error {
	return c.of(r, object.GetNamespace(), "create").create(ctx, object)
}

// DryRunCreate makes the API server check an object without creating it. It returns the object as the API server would create it,
// with defaults and the changes of webhooks.
func (c *Client) DryRunCreate(ctx context.Context, r Resource, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	of := c.of(r, object.GetNamespace(), "create")
	made, err := of.api.Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return made, c.explain(err, of.needs)
}

// Patch merges a JSON document into an object (RFC 7396).
func (c *Client) Patch(ctx context.Context, r Resource, namespace, name string, patch []byte) error {
	return c.of(r, namespace, "patch").patch(ctx, name, types.MergePatchType, patch)
}

// DryRunPatch makes the API server check a patch without carrying it out.
func (c *Client) DryRunPatch(ctx context.Context, r Resource, namespace, name string, patch []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	of := c.of(r, namespace, "patch")
	_, err := of.api.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	return c.explain(err, of.needs)
}

// Delete deletes the object with this uid. If the object of this name has another uid, Delete returns an error for which
// apierrors.IsConflict is true.
func (c *Client) Delete(ctx context.Context, r Resource, namespace, name, uid string) error {
	return c.delete(ctx, r, namespace, name, uid, nil)
}

// DryRunDelete makes the API server check a deletion without carrying it out.
func (c *Client) DryRunDelete(ctx context.Context, r Resource, namespace, name, uid string) error {
	return c.delete(ctx, r, namespace, name, uid, []string{metav1.DryRunAll})
}

func (c *Client) delete(ctx context.Context, r Resource, namespace, name, uid string, dryRun []string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	of, want := c.of(r, namespace, "delete"), types.UID(uid)
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &want}, DryRun: dryRun}
	return c.explain(of.api.Delete(ctx, name, options), of.needs)
}

package kube

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// requestLimit is the time limit of one request; a page of a long list is one request. A watch has no limit.
const requestLimit = 30 * time.Second

// resource is one kind of objects, in version v1. Its errors contain advice; see Client.explain.
type resource struct {
	client   *Client
	api      dynamic.ResourceInterface
	needs    string // what a ClusterRole must allow for its use
	selector string // for lists, by labels; "" selects all
}

func (c *Client) resource(group, name, needs string) resource {
	return resource{client: c, api: c.api.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}), needs: needs}
}

func (c *Client) namespaced(group, name, namespace, needs string) resource {
	return resource{client: c, api: c.api.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}).Namespace(namespace), needs: needs}
}

func (r resource) get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	object, err := r.api.Get(ctx, name, metav1.GetOptions{})
	return object, r.client.explain(err, r.needs)
}

func (r resource) list(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	list, err := r.api.List(ctx, options)
	return list, r.client.explain(err, r.needs)
}

func (r resource) create(ctx context.Context, object *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	_, err := r.api.Create(ctx, object, metav1.CreateOptions{})
	return r.client.explain(err, r.needs)
}

func (r resource) update(ctx context.Context, object *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	_, err := r.api.Update(ctx, object, metav1.UpdateOptions{})
	return r.client.explain(err, r.needs)
}

func (r resource) patch(ctx context.Context, name string, kind types.PatchType, patch []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	_, err := r.api.Patch(ctx, name, kind, patch, metav1.PatchOptions{})
	return r.client.explain(err, r.needs)
}

func (r resource) delete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return r.client.explain(r.api.Delete(ctx, name, metav1.DeleteOptions{}), r.needs)
}

// reflector returns a Reflector. While the Reflector runs, it keeps store up to date with all objects of the kind. Its log lines
// contain name.
func (r resource) reflector(logger klog.Logger, name, kind string, store cache.ReflectorStore) *cache.Reflector {
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return r.list(ctx, options)
		},
		WatchFuncWithContext: r.watch,
	}
	return newReflector(logger, name, kind, cache.ToListWatcherWithWatchListSemantics(lw, r.client.api), store)
}

// pagedReflector is like reflector, for a store that does not keep objects: the objects of a list are added to the store page by
// page, so that at most one page is in memory. The store's Replace gets no objects.
func (r resource) pagedReflector(logger klog.Logger, name, kind string, store cache.ReflectorStore) *cache.Reflector {
	lw := pagedListWatch{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			return r.addPages(ctx, store)
		},
		WatchFuncWithContext: r.watch,
	}}
	return newReflector(logger, name, kind, lw, store)
}

// pagedListWatch makes a reflector begin with a list, not with a watch that sends the existing objects first. In such a watch, the
// reflector would collect all objects.
type pagedListWatch struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is called by the reflector.
func (pagedListWatch) IsWatchListSemanticsUnSupported() bool { return true }

// addPages adds the existing objects to the store, and returns the list without the objects. The reflector's options are not used:
// with their resourceVersion, an API server would answer from its cache, with all objects at once.
func (r resource) addPages(ctx context.Context, store cache.ReflectorStore) (*unstructured.UnstructuredList, error) {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := r.list(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if err := store.Add(&page.Items[i]); err != nil {
				return nil, err
			}
		}
		page.Items = nil
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return page, nil
		}
	}
}

func (r resource) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	events, err := r.api.Watch(ctx, options)
	return events, r.client.explain(err, r.needs)
}

func newReflector(logger klog.Logger, name, kind string, lw cache.ListerWatcher, store cache.ReflectorStore) *cache.Reflector {
	return cache.NewReflectorWithOptions(lw, &unstructured.Unstructured{}, store,
		cache.ReflectorOptions{Logger: &logger, Name: name, TypeDescription: kind})
}

package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	pageSize  = 500 // the same as kubectl's; a page is one to two megabytes
	mostTries = 3   // for a list that expires between two pages
)

// listAll reads a list page by page, and collects the values that read returns with true.
func listAll[T any](ctx context.Context, r resource, kind string, read func(unstructured.Unstructured) (T, bool, error)) ([]T, error) {
	var all []T
	begin := func() { all = nil }
	err := r.eachOfAll(ctx, kind, begin, func(item unstructured.Unstructured) error {
		object, kept, err := read(item)
		if kept && err == nil {
			all = append(all, object)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// eachOfAll calls take with each object of a list. If the list expires, it starts again. It calls begin before each start. This
// function is separate from listAll so that the binary contains it once instead of once for each type.
func (r resource) eachOfAll(ctx context.Context, kind string, begin func(), take func(unstructured.Unstructured) error) error {
	for try := 1; ; try++ {
		begin()
		err := r.each(ctx, kind, take)
		if !apierrors.IsResourceExpired(err) || try == mostTries {
			return err
		}
		// The server has dropped the snapshot that the first pages came from; it keeps a snapshot only for some minutes. The rest
		// of the list would be of the present state, and objects that were created in between might be missing: begin again.
	}
}

func (r resource) each(ctx context.Context, kind string, take func(unstructured.Unstructured) error) error {
	options := metav1.ListOptions{Limit: pageSize, LabelSelector: r.selector}
	for {
		page, err := r.list(ctx, options)
		if err == nil && page.GetKind() != kind+"List" {
			// client-go would take such an answer for an empty list.
			err = fmt.Errorf("API server %s: its answer is of kind %q, and not a list of %s objects", r.client.host, page.GetKind(), kind)
		}
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := take(item); err != nil {
				return err
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

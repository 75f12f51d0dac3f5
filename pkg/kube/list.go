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
	for try := 1; ; try++ {
		all, err := listOnce(ctx, r, kind, read)
		switch {
		case err == nil:
			return all, nil
		case apierrors.IsResourceExpired(err) && try < mostTries:
			// The server has dropped the snapshot of the first pages, which it keeps for some minutes. It would continue with the present
			// state, in which objects that were made in between may be missing: begin again.
		default:
			return nil, err
		}
	}
}

func listOnce[T any](ctx context.Context, r resource, kind string, read func(unstructured.Unstructured) (T, bool, error)) ([]T, error) {
	var all []T
	options := metav1.ListOptions{Limit: pageSize, LabelSelector: r.selector}
	for {
		page, err := r.list(ctx, options)
		if err == nil && page.GetKind() != kind+"List" {
			// client-go would take that for an empty list.
			err = fmt.Errorf("API server %s: its answer is of kind %q, and not a list of %s objects", r.client.host, page.GetKind(), kind)
		}
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			object, kept, err := read(item)
			if err != nil {
				return nil, err
			}
			if kept {
				all = append(all, object)
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

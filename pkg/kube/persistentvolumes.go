package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
)

const (
	pageSize  = 500 // as kubectl's; a page is one to two megabytes
	mostTries = 3   // of a list that expires between two pages
)

// PersistentVolumes lists all there are, or fails. Whoever compares the list with something else must not take what is
// missing in a part of it for absent.
func (c *Client) PersistentVolumes(ctx context.Context) ([]persistentvolume.PV, error) {
	for try := 1; ; try++ {
		all, err := c.listPersistentVolumes(ctx)
		switch {
		case err == nil:
			return all, nil
		case apierrors.IsResourceExpired(err) && try < mostTries:
			// The server has forgotten the state that the first pages showed, which it keeps for some minutes. It would go
			// on with the present one, in which volumes may be missing that were made in between: begin again.
		default:
			return nil, err
		}
	}
}

func (c *Client) listPersistentVolumes(ctx context.Context) ([]persistentvolume.PV, error) {
	var all []persistentvolume.PV
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := c.persistentVolumePage(ctx, options)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			pv, err := readPersistentVolume(item)
			if err != nil {
				return nil, err
			}
			all = append(all, pv)
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

func (c *Client) persistentVolumePage(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	page, err := c.resource("", "persistentvolumes", "list persistentvolumes").list(ctx, options)
	if err == nil && page.GetKind() != "PersistentVolumeList" {
		// client-go takes that for an empty list.
		err = fmt.Errorf("API server %s: its answer is of kind %q, and not a list of PersistentVolumes", c.host, page.GetKind())
	}
	return page, err
}

// readPersistentVolume decodes an object of the dynamic client.
func readPersistentVolume(item unstructured.Unstructured) (persistentvolume.PV, error) {
	var o persistentvolume.Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &o); err != nil {
		return persistentvolume.PV{}, fmt.Errorf("PersistentVolume %s: %w", item.GetName(), err)
	}
	return o.PV()
}

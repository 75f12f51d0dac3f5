package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
)

// PersistentVolumes returns all PersistentVolumes or an error: a caller that compares them with something else must not take a
// PersistentVolume for absent because the list is incomplete.
func (c *Client) PersistentVolumes(ctx context.Context) ([]persistentvolume.PV, error) {
	r := c.resource("", "persistentvolumes", "list persistentvolumes")
	return listAll(ctx, r, "PersistentVolume", func(item unstructured.Unstructured) (persistentvolume.PV, bool, error) {
		pv, err := readPersistentVolume(item)
		return pv, true, err
	})
}

// readPersistentVolume decodes an object of the dynamic client.
func readPersistentVolume(item unstructured.Unstructured) (persistentvolume.PV, error) {
	var o persistentvolume.Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &o); err != nil {
		return persistentvolume.PV{}, fmt.Errorf("PersistentVolume %s: %w", item.GetName(), err)
	}
	return o.PV()
}

package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
)

// PersistentVolumes lists all there are, or fails. Whoever compares the list with something else must not take what is
// missing in a part of it for absent.
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

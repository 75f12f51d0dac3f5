package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// scale is the subresource that contains only the number of replicas. Permission to change the subresource does not include
// permission to change the pods.
const scale = "scale"

// Replicas returns how many pods a StatefulSet should have; 0 if there is no such StatefulSet.
func (c *Client) Replicas(ctx context.Context, namespace, name string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	sets := c.scales(namespace, name, "get")
	object, err := sets.api.Get(ctx, name, metav1.GetOptions{}, scale)
	switch {
	case apierrors.IsNotFound(err):
		return 0, nil
	case err != nil:
		return 0, c.explain(err, sets.needs)
	}
	var fields struct {
		Spec struct {
			Replicas int `json:"replicas"` // 0 is omitted
		} `json:"spec"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &fields); err != nil {
		return 0, fmt.Errorf("StatefulSet %s/%s: %w", namespace, name, err)
	}
	return fields.Spec.Replicas, nil
}

// SetReplicas changes how many pods a StatefulSet should have.
func (c *Client) SetReplicas(ctx context.Context, namespace, name string, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	sets := c.scales(namespace, name, "patch")
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err := sets.api.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}, scale)
	return c.explain(err, sets.needs)
}

func (c *Client) scales(namespace, name, verb string) resource {
	return c.namespaced("apps", "statefulsets", namespace, verb+" statefulsets/scale "+name+" in namespace "+namespace)
}

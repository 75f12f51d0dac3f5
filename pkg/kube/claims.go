package kube

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Claim holds the fields of a PersistentVolumeClaim for an existing PersistentVolume.
type Claim struct {
	Namespace, Name string
	Volume          string // the PersistentVolume's name
	AccessMode      string
	Size            string // a quantity, such as 2Gi
	Labels          map[string]string
}

// ClaimPhase returns the claim's phase, such as Bound or Pending, or "" if there is no such claim.
func (c *Client) ClaimPhase(ctx context.Context, namespace, name string) (string, error) {
	object, err := c.namespaced("", "persistentvolumeclaims", namespace, "get persistentvolumeclaims in namespace "+namespace).get(ctx, name)
	switch {
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", err
	case object.GetDeletionTimestamp() != nil:
		return "Terminating", nil
	}
	if phase, _, _ := unstructured.NestedString(object.Object, "status", "phase"); phase != "" {
		return phase, nil
	}
	return "Pending", nil
}

// CreateClaim creates a claim, unless there is one with its name.
func (c *Client) CreateClaim(ctx context.Context, claim Claim) error {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"spec": map[string]any{
			"accessModes":      []any{claim.AccessMode},
			"resources":        map[string]any{"requests": map[string]any{"storage": claim.Size}},
			"storageClassName": "", // "" keeps the default class from being set
			"volumeName":       claim.Volume,
		},
	}}
	object.SetNamespace(claim.Namespace)
	object.SetName(claim.Name)
	object.SetLabels(claim.Labels)
	claims := c.namespaced("", "persistentvolumeclaims", claim.Namespace, "create persistentvolumeclaims in namespace "+claim.Namespace)
	if err := claims.create(ctx, object); !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// DeleteClaim deletes a claim if there is one. Kubernetes keeps it, as Terminating, while a pod uses it.
func (c *Client) DeleteClaim(ctx context.Context, namespace, name string) error {
	claims := c.namespaced("", "persistentvolumeclaims", namespace, "delete persistentvolumeclaims "+name+" in namespace "+namespace)
	if err := claims.delete(ctx, name); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

package kube

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Secret holds the fields of a Secret that backups use.
type Secret struct {
	Data        map[string][]byte
	Annotations map[string]string
	// Version is the resourceVersion that was read. A change with a Version fails if the Secret has changed since.
	Version string
}

// Secret reads a Secret. If there is none, it returns an error for which IsNotFound is true.
func (c *Client) Secret(ctx context.Context, namespace, name string) (Secret, error) {
	object, err := c.namespaced("", "secrets", namespace, "get secrets "+name+" in namespace "+namespace).get(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	s := Secret{Data: map[string][]byte{}, Annotations: object.GetAnnotations(), Version: object.GetResourceVersion()}
	encoded, _, err := unstructured.NestedStringMap(object.Object, "data")
	if err != nil {
		return Secret{}, fmt.Errorf("secret %s/%s: %w", namespace, name, err)
	}
	for key, text := range encoded {
		if s.Data[key], err = base64.StdEncoding.DecodeString(text); err != nil {
			return Secret{}, fmt.Errorf("secret %s/%s: %s: %w", namespace, name, key, err)
		}
	}
	return s, nil
}

// ChangeSecret sets the given data and annotations, and keeps the others. Data that is nil and an annotation that is "" are
// removed.
func (c *Client) ChangeSecret(ctx context.Context, namespace, name string, change Secret) error {
	annotations := map[string]any{}
	for key, text := range change.Annotations {
		annotations[key] = text
		if text == "" {
			annotations[key] = nil // a merge patch removes a key whose value is null
		}
	}
	metadata := map[string]any{"annotations": annotations}
	if change.Version != "" {
		metadata["resourceVersion"] = change.Version
	}
	content := map[string]any{"metadata": metadata}
	if len(change.Data) > 0 {
		content["data"] = change.Data // bytes become base64, as in a Secret
	}
	patch, err := json.Marshal(content)
	if err != nil {
		return err
	}
	secrets := c.namespaced("", "secrets", namespace, "patch secrets "+name+" in namespace "+namespace)
	return secrets.patch(ctx, name, types.MergePatchType, patch)
}

// IsNotFound reports whether err means that the object does not exist.
func IsNotFound(err error) bool { return apierrors.IsNotFound(err) }

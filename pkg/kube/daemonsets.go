package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// DaemonSet holds the fields of a DaemonSet that tell where its pods run.
type DaemonSet struct {
	Namespace    string
	Name         string
	NodeSelector map[string]string // labels of the nodes that its pods run on
	Desired      int               // number of nodes that should run a pod of it
}

// DaemonSets returns the DaemonSets whose labels match the selector, in one namespace or, if namespace is "", in all namespaces.
func (c *Client) DaemonSets(ctx context.Context, namespace, selector string) ([]DaemonSet, error) {
	r := c.resource("apps", "daemonsets", "list daemonsets (apps)")
	if namespace != "" {
		r = c.namespaced("apps", "daemonsets", namespace, "list daemonsets (apps) in namespace "+namespace)
	}
	r.selector = selector
	return listAll(ctx, r, "DaemonSet", func(item unstructured.Unstructured) (DaemonSet, bool, error) {
		labels, _, err := unstructured.NestedStringMap(item.Object, "spec", "template", "spec", "nodeSelector")
		if err != nil {
			return DaemonSet{}, false, fmt.Errorf("daemonset %s/%s: %w", item.GetNamespace(), item.GetName(), err)
		}
		desired, _, err := unstructured.NestedInt64(item.Object, "status", "desiredNumberScheduled")
		if err != nil {
			return DaemonSet{}, false, fmt.Errorf("daemonset %s/%s: %w", item.GetNamespace(), item.GetName(), err)
		}
		return DaemonSet{Namespace: item.GetNamespace(), Name: item.GetName(), NodeSelector: labels, Desired: int(desired)}, true, nil
	})
}

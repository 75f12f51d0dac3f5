package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Node holds a node's name and labels.
type Node struct {
	Name   string
	Labels map[string]string
}

// Nodes returns all nodes of the cluster.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return listAll(ctx, c.resource("", "nodes", "list nodes"), "Node", func(item unstructured.Unstructured) (Node, bool, error) {
		return Node{Name: item.GetName(), Labels: item.GetLabels()}, true, nil
	})
}

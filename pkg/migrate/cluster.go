package migrate

import (
	"context"
	"fmt"
)

// CheckCluster returns an error if the plan was made for another cluster.
func (p Plan) CheckCluster(ctx context.Context, api API) error {
	is, err := clusterOf(ctx, api)
	if err != nil {
		return err
	}
	if is != p.Cluster {
		return fmt.Errorf("the plan was made from another Kubernetes cluster: there the namespace %s has the uid %s, and here %s; check --kubeconfig and its current context",
			kubeSystem, p.Cluster, is)
	}
	return nil
}

// clusterOf returns the identity of a Kubernetes cluster: the uid of its namespace kube-system.
func clusterOf(ctx context.Context, api API) (string, error) {
	namespace, err := api.Get(ctx, namespacesResource(), "", kubeSystem)
	if err != nil {
		return "", err
	}
	return string(namespace.GetUID()), nil
}

// kubeSystem is a namespace that every cluster creates at its start and that cannot be deleted.
const kubeSystem = "kube-system"

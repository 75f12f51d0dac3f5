package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// readTopology is the first step. It returns the topology. The result gone holds a message about each node of the topology that
// Kubernetes does not have.
func (s *Setup) readTopology(ctx context.Context) (t topology.Topology, gone map[string]string, err error) {
	if t, err = topology.Read(s.Topology); err != nil {
		return t, nil, err
	}
	nodes, err := s.Kubernetes.Nodes(ctx)
	if err != nil {
		return t, nil, fmt.Errorf("list the nodes of the cluster: %w", err)
	}
	gone = s.checkNodes(ctx, t, nodes)
	klog.FromContext(ctx).Info("Step 1 of 6: the topology is good", "nodes", len(t.Nodes()), "clusters", len(t.Clusters))
	return t, gone, nil
}

// checkNodes returns a message about each node of the topology that Kubernetes does not have, and logs the nodes that lack the
// label.
func (s *Setup) checkNodes(ctx context.Context, t topology.Topology, nodes []kube.Node) (gone map[string]string) {
	byName := map[string]kube.Node{}
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		byName[n.Name] = n
		names = append(names, n.Name)
	}
	key, want, _ := strings.Cut(s.NodeLabel, "=")
	gone = map[string]string{}
	for _, n := range t.Nodes() {
		node, ok := byName[n.Name()]
		if !ok {
			gone[n.Name()] = notInKubernetes(n.Name(), names)
			continue
		}
		if has, ok := node.Labels[key]; s.NodeLabel != "" && (!ok || has != want) {
			klog.FromContext(ctx).Info("A node of the topology lacks the label that makes gluster run on it", "node", n.Name(), "label", s.NodeLabel,
				"do", fmt.Sprintf("kubectl label node %s %s", n.Name(), s.NodeLabel))
		}
	}
	return gone
}

func notInKubernetes(name string, known []string) string {
	hint := nearest.Hint(name, known)
	if hint == "" {
		hint = "kubectl get nodes lists the names"
	}
	return "Kubernetes has no such node: hostnames.manage must be a node's name there; " + hint
}

// refuseGone returns an error if Kubernetes does not have one of the named nodes. Heketi does not have these nodes either, so
// such a name is a mistake.
func refuseGone(names []string, gone map[string]string) error {
	var errs []error
	for _, name := range names {
		if why := gone[name]; why != "" {
			errs = append(errs, fmt.Errorf("node %q of the topology: %s", name, why))
		}
	}
	return errors.Join(errs...)
}

// awaitOthers waits while a teardown, or another setup such as that of the previous revision, works on the same devices.
func (s *Setup) awaitOthers(ctx context.Context) error {
	return wait.Until(ctx, s.Timing.Poll, s.Timing.Others, "Waiting for another Job", func(ctx context.Context) error {
		other, err := jobs.Other(ctx, s.Kubernetes, s.Namespace, s.Pod, jobs.Setup, jobs.Teardown)
		if err != nil || other == "" {
			return err
		}
		return fmt.Errorf("pod %s of another Job is at work: if it cannot end, delete its Job (kubectl -n %s get jobs); if its node is lost, run kubectl delete node, or taint the node with node.kubernetes.io/out-of-service", other, s.Namespace)
	})
}

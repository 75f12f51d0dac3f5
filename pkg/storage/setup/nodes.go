package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// readTopology is the first step: what the file says, and whether Kubernetes has the nodes.
func (s *Setup) readTopology(ctx context.Context) (topology.Topology, error) {
	t, err := topology.Read(s.Topology)
	if err != nil {
		return topology.Topology{}, err
	}
	nodes, err := s.Kubernetes.Nodes(ctx)
	if err != nil {
		return topology.Topology{}, fmt.Errorf("list the nodes of the cluster: %w", err)
	}
	if err := s.checkNodes(ctx, t, nodes); err != nil {
		return topology.Topology{}, err
	}
	klog.FromContext(ctx).Info("Step 1 of 6: the topology is good", "nodes", len(t.Nodes()), "clusters", len(t.Clusters))
	return t, nil
}

func (s *Setup) checkNodes(ctx context.Context, t topology.Topology, nodes []kube.Node) error {
	byName := map[string]kube.Node{}
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		byName[n.Name] = n
		names = append(names, n.Name)
	}
	key, want, _ := strings.Cut(s.NodeLabel, "=")
	var errs []error
	for _, n := range t.Nodes() {
		node, ok := byName[n.Name()]
		if !ok {
			errs = append(errs, unknownNode(n.Name(), names))
			continue
		}
		if has, ok := node.Labels[key]; s.NodeLabel != "" && (!ok || has != want) {
			klog.FromContext(ctx).Info("A node of the topology lacks the label by which gluster runs on it", "node", n.Name(), "label", s.NodeLabel,
				"do", fmt.Sprintf("kubectl label node %s %s", n.Name(), s.NodeLabel))
		}
	}
	return errors.Join(errs...)
}

func unknownNode(name string, known []string) error {
	hint := nearest.Hint(name, known)
	if hint == "" {
		hint = "kubectl get nodes lists them"
	}
	return fmt.Errorf("node %q of the topology is no node of Kubernetes: hostnames.manage must be a node's name there; %s", name, hint)
}

// awaitOthers waits while another setup, as of the release's revision before, or a teardown works on the same devices.
func (s *Setup) awaitOthers(ctx context.Context) error {
	return wait.Until(ctx, s.Timing.Poll, s.Timing.Others, "Waiting for another Job", func(ctx context.Context) error {
		other, err := jobs.Other(ctx, s.Kubernetes, s.Namespace, s.Pod, jobs.Setup, jobs.Teardown)
		if err != nil || other == "" {
			return err
		}
		return fmt.Errorf("pod %s of another Job is at work: if it cannot end, delete its Job (kubectl -n %s get jobs)", other, s.Namespace)
	})
}

// awaitPods is the second step: a pod of gluster that is ready on each node.
func (s *Setup) awaitPods(ctx context.Context, t topology.Topology) (servers.Pods, error) {
	var (
		ready   servers.Pods
		missing []string
	)
	err := wait.Until(ctx, s.Timing.Poll, s.Timing.Pods, "Waiting for gluster", func(ctx context.Context) (err error) {
		pods, err := s.Kubernetes.Pods(ctx, s.Namespace, servers.PodLabel)
		if err != nil {
			return err
		}
		if ready, missing = sortPods(t, pods); len(missing) > 0 {
			return errors.New(strings.Join(missing, "; "))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	klog.FromContext(ctx).Info("Step 2 of 6: gluster is ready on all nodes", "nodes", len(ready))
	return ready, nil
}

// sortPods returns the pods that are ready, and of the other nodes of the topology, why they have none.
func sortPods(t topology.Topology, pods []kube.Pod) (ready servers.Pods, missing []string) {
	ready = servers.Pods{}
	why := map[string]string{}
	unscheduled := ""
	for _, pod := range pods {
		switch {
		case pod.Ready:
			ready[pod.Node] = pod.Name
		case pod.Node == "":
			unscheduled = fmt.Sprintf(" (pod %s is not on a node yet: %s)", pod.Name, pod.Why)
		default:
			why[pod.Node] = fmt.Sprintf("pod %s is not ready: %s", pod.Name, pod.Why)
		}
	}
	for _, n := range t.Nodes() {
		if _, ok := ready[n.Name()]; ok {
			continue
		}
		reason, ok := why[n.Name()]
		if !ok {
			reason = "there is no pod of gluster: is the node labelled for it?" + unscheduled
		}
		missing = append(missing, fmt.Sprintf("node %s: %s", n.Name(), reason))
	}
	slices.Sort(missing)
	return ready, missing
}

package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// server is a GlusterFS server and its answer.
type server struct {
	node, pod string
	status    status.Server
	failure   error
}

const (
	checkServers = "storage-servers"
	// serverLimit is more than the time limits of the commands in the pod.
	serverLimit = time.Minute
	healLimit   = 3 * time.Minute
	mostAsked   = 16 // servers that are asked concurrently
)

// gluster checks the servers: first whether each node has one, then their reports.
func (s *section) gluster(ctx context.Context) {
	pods, err := s.Kubernetes.Pods(ctx, s.namespace, glusterLabels)
	if err != nil {
		s.add(report.Warning, checkServers, "", fmt.Sprintf("the servers' pods cannot be listed: %v", err), permissions)
		return
	}
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool { return p.Ended || p.Node == "" })
	s.nodesWithoutServer(ctx, pods)
	s.notReady(pods)
	answered := s.ask(ctx, pods)
	s.ok(checkServers, 0, plain.Plural(len(pods), "GlusterFS server")+", ready on each node with the label "+storageLabel(s.servers.NodeSelector))
	if len(answered) > 0 {
		s.peers(answered)
		s.bricks(answered)
		s.pools(answered)
		s.heal(ctx, answered)
	}
}

// nodesWithoutServer compares the pods with the nodes that have the label.
func (s *section) nodesWithoutServer(ctx context.Context, pods []kube.Pod) {
	nodes, err := s.Kubernetes.Nodes(ctx)
	if err != nil {
		s.add(report.Warning, checkServers, "", fmt.Sprintf("the nodes cannot be listed, so a node without a server is not noticed: %v", err), permissions)
		return
	}
	label := storageLabel(s.servers.NodeSelector)
	labelled := 0
	for _, node := range nodes {
		if !selects(s.servers.NodeSelector, node.Labels) {
			continue
		}
		labelled++
		if slices.ContainsFunc(pods, func(p kube.Pod) bool { return p.Node == node.Name }) {
			continue
		}
		severity, message, remedy := report.Critical, "the node has the label "+label+" but no pod of GlusterFS: its bricks are offline", "the DaemonSet's events say why no pod is created"
		if s.servers.Desired <= len(pods) {
			severity, message = report.Warning, "the node has the label "+label+", but the DaemonSet places no pod of GlusterFS there"
			remedy = "gluster.affinity excludes the node, or it has a taint that gluster.tolerations does not name. If it is not a storage node, remove the label"
		}
		s.add(severity, checkServers, node.Name, message, remedy, s.kubectl("describe daemonset "+s.servers.Name), "kubectl describe node "+node.Name)
	}
	if labelled == 0 {
		s.add(report.Critical, checkServers, "", "no node has the label "+label+", so GlusterFS runs on no node", "label the storage nodes",
			"kubectl label node NODE "+strings.ReplaceAll(label, ",", " "))
	}
}

func (s *section) notReady(pods []kube.Pod) {
	for i := range pods {
		if pod := &pods[i]; !pod.Ready {
			s.add(report.Warning, checkServers, pod.Node, "the pod "+pod.Name+" is not ready: "+pod.Why,
				"its events say what it waits for, usually for its peers, its bricks or self-heal. Do not take another server down until it is ready",
				s.kubectl("describe pod "+pod.Name), s.kubectl("logs "+pod.Name))
		}
	}
}

// ask asks the servers for their reports, several concurrently, and returns those that have answered, in the order of their pods.
func (s *section) ask(ctx context.Context, pods []kube.Pod) []*server {
	asked := make([]*server, len(pods))
	var group errgroup.Group // without a shared context: a server that fails does not cancel the others
	group.SetLimit(mostAsked)
	for i := range pods {
		one := &server{node: pods[i].Node, pod: pods[i].Name}
		asked[i] = one
		group.Go(func() error {
			one.failure = s.report(ctx, one.pod, serverLimit, &one.status)
			return nil
		})
	}
	_ = group.Wait()
	var answered []*server
	for _, one := range asked {
		if one.failure != nil {
			s.silent = true
			s.add(report.Warning, checkServers, one.node, fmt.Sprintf("GlusterFS does not report, so its bricks and thin pools are not checked: %v", one.failure),
				"the account needs get and create on pods/exec, and the server's image must have the version of this program. By hand:",
				s.kubectl("exec "+one.pod+" -c "+servers.Container+" -- "+status.Program+" "+status.Command))
			continue
		}
		answered = append(answered, one)
		for _, failure := range one.status.Failures {
			s.add(report.Warning, checkServers, one.node, failure, "the log of the server's pod says more", s.kubectl("logs "+one.pod))
		}
	}
	return answered
}

// report runs the status command in a server's pod. The command has its own time limits, because Kubernetes does not end it.
func (s *section) report(ctx context.Context, pod string, limit time.Duration, into any, flags ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer after %s", limit))
	defer cancel()
	out, err := s.runner.Run(ctx, pod, servers.Container, append([]string{status.Program, status.Command}, flags...)...)
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	return err
}

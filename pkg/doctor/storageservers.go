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
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// server is a GlusterFS server that was asked.
type server struct {
	node, pod string
	status    status.Server
	failure   error
}

const (
	checkServers = "storage-servers"
	// serverLimit is longer than the commands in the pod may take.
	serverLimit = time.Minute
	healLimit   = 3 * time.Minute
	mostAsked   = 16 // at the same time
)

// gluster looks at the servers: first whether each node has one, then at what they report.
func (s *installation) gluster(ctx context.Context) []report.Finding {
	pods, err := s.Kubernetes.Pods(ctx, s.namespace, glusterLabels)
	if err != nil {
		return []report.Finding{s.finding(report.Warning, checkServers, fmt.Sprintf("the servers' pods cannot be listed: %v", err), permissions)}
	}
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool { return p.Ended || p.Node == "" })
	findings := slices.Concat(s.nodesWithoutServer(ctx, pods), s.notReady(pods))
	answered, failed := s.ask(ctx, pods)
	findings = append(findings, failed...)
	if len(findings) == 0 {
		findings = append(findings, s.finding(report.OK, checkServers, fmt.Sprintf("%s, ready on each node with the label %s", plural(len(pods), "GlusterFS server"),
			storageLabel(s.servers.NodeSelector)), ""))
	}
	if len(answered) == 0 {
		return findings
	}
	return slices.Concat(findings, s.peers(answered), s.bricks(answered), s.pools(answered), s.heal(ctx, answered))
}

// nodesWithoutServer compares the pods with the nodes that have the label.
func (s *installation) nodesWithoutServer(ctx context.Context, pods []kube.Pod) []report.Finding {
	label := storageLabel(s.servers.NodeSelector)
	nodes, err := s.Kubernetes.Nodes(ctx)
	if err != nil {
		return []report.Finding{s.finding(report.Warning, checkServers, fmt.Sprintf("the nodes cannot be listed, so that one without a server is not seen: %v", err), permissions)}
	}
	var findings []report.Finding
	labelled := 0
	for _, node := range nodes {
		if !selects(s.servers.NodeSelector, node.Labels) {
			continue
		}
		labelled++
		if slices.ContainsFunc(pods, func(p kube.Pod) bool { return p.Node == node.Name }) {
			continue
		}
		severity, why := report.Critical, "the node has the label "+label+", and no pod of GlusterFS: its bricks are offline"
		remedy := "the DaemonSet's events say why no pod is made"
		if s.servers.Desired <= len(pods) {
			severity, why = report.Warning, "the node has the label "+label+", and Kubernetes wants no pod of GlusterFS there"
			remedy = "gluster.affinity or a taint that gluster.tolerations does not name keeps it away. If the node is no storage node, remove the label"
		}
		findings = append(findings, s.onNode(severity, checkServers, node.Name, why, remedy,
			s.kubectl("describe daemonset %s", s.servers.Name), "kubectl describe node "+node.Name))
	}
	if labelled == 0 {
		findings = append(findings, s.finding(report.Critical, checkServers, "no node has the label "+label+", so that GlusterFS runs nowhere",
			"label the storage nodes", "kubectl label node NODE "+strings.ReplaceAll(label, ",", " ")))
	}
	return findings
}

func (s *installation) notReady(pods []kube.Pod) []report.Finding {
	var findings []report.Finding
	for _, pod := range pods {
		if !pod.Ready {
			findings = append(findings, s.onNode(report.Warning, checkServers, pod.Node, fmt.Sprintf("the pod %s is not ready: %s", pod.Name, pod.Why),
				"its readiness probe says what it waits for, usually for its peers, its bricks or self-heal. Do not take another server down until it is ready",
				s.kubectl("describe pod %s", pod.Name), s.kubectl("logs %s", pod.Name)))
		}
	}
	return findings
}

// ask has the servers report, several at the same time. It keeps their order.
func (s *installation) ask(ctx context.Context, pods []kube.Pod) (answered []*server, findings []report.Finding) {
	asked := make([]*server, len(pods))
	var group errgroup.Group // without its context: a server that fails does not end the others
	group.SetLimit(mostAsked)
	for i, pod := range pods {
		group.Go(func() error {
			asked[i] = &server{node: pod.Node, pod: pod.Name}
			asked[i].failure = s.report(ctx, pod.Name, serverLimit, &asked[i].status)
			return nil
		})
	}
	_ = group.Wait()
	for _, one := range asked {
		if one.failure != nil {
			findings = append(findings, s.onNode(report.Warning, checkServers, one.node, fmt.Sprintf("GlusterFS cannot be asked: %v", one.failure),
				"its peers, bricks and thin pools are not judged. The account needs get and create on pods/exec; a server of an earlier version has no command "+
					status.Command, s.kubectl("exec %s -c %s -- %s %s", one.pod, servers.Container, status.Program, status.Command)))
			continue
		}
		answered = append(answered, one)
		for _, failure := range one.status.Failures {
			findings = append(findings, s.onNode(report.Warning, checkServers, one.node, failure, "the log of the pod says more", s.kubectl("logs %s", one.pod)))
		}
	}
	return answered, findings
}

// report runs the status command in a server's pod. The command has limits itself: Kubernetes does not end it.
func (s *installation) report(ctx context.Context, pod string, limit time.Duration, into any, flags ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer after %s", limit))
	defer cancel()
	out, err := s.runner.Run(ctx, pod, servers.Container, append([]string{status.Program, status.Command}, flags...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("its report cannot be read: %w", err)
	}
	return nil
}

package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// reach holds the servers that the setup can use, and the nodes of the topology that have no such server.
type reach struct {
	pods   servers.Pods
	absent map[string]string // nodes without a usable server, with the reasons
	gone   map[string]string // those of absent that Kubernetes does not have
	seen   servers.Seen
}

// why returns the reason why a node cannot be worked on, or "" if it can.
func (r reach) why(node string) string {
	if why := r.absent[node]; why != "" {
		return why
	}
	return r.seen.Why(node)
}

// askHeketi is the second step. It returns the parts of the topology that Heketi lacks: all of them if there is no Heketi yet. If
// the claim exists, Heketi starts without this Job, and askHeketi waits for its answer. The third step then does not wait for
// nodes that Heketi has: one of them may be lost.
func (s *Setup) askHeketi(ctx context.Context, server *heketi.Client, t topology.Topology) (lacks topology.Lacks, running bool, err error) {
	logger := klog.FromContext(ctx)
	if s.hello(ctx, server) != nil {
		phase, err := s.Kubernetes.ClaimPhase(ctx, s.Namespace, s.Claim)
		if err != nil {
			return lacks, false, err
		}
		if phase == "" {
			logger.Info("Step 2 of 6: no Heketi answers yet", "url", s.HeketiURL)
			for _, n := range t.Nodes() {
				lacks.Nodes = append(lacks.Nodes, n.Name())
			}
			return lacks, false, nil
		}
		if err := s.awaitReturn(ctx, server); err != nil {
			return lacks, false, err
		}
	}
	if lacks, err = topology.Compare(ctx, server, t); err == nil {
		logger.Info("Step 2 of 6: Heketi answers", "url", s.HeketiURL)
	}
	return lacks, true, err
}

// awaitServers is the third step. It waits for usable servers on the nodes for which Heketi lacks something. If some servers do
// not become usable, the setup continues with the others, and the last step reports the missing ones.
func (s *Setup) awaitServers(ctx context.Context, t topology.Topology, gone map[string]string, lacks topology.Lacks) (reach, error) {
	logger := klog.FromContext(ctx)
	needed := append(slices.Clone(lacks.Nodes), lacks.Devices...)
	var seen servers.Seen
	err := wait.Until(ctx, s.Timing.Poll, s.Timing.Pods, "Waiting for gluster", func(ctx context.Context) error {
		now, err := servers.FindUsable(ctx, s.Kubernetes, s.Runner, s.Namespace, s.Timing.Answer)
		if err != nil {
			return err
		}
		seen = now
		return missing(seen, needed, gone)
	})
	switch {
	case err == nil:
	case ctx.Err() != nil || len(seen.Usable) == 0:
		return reach{}, err
	default:
		logger.Info("Continuing without the missing nodes", "why", err.Error())
	}
	r := reach{pods: seen.Usable, absent: maps.Clone(gone), gone: gone, seen: seen}
	for _, n := range t.Nodes() {
		if why := seen.Why(n.Name()); why != "" && r.absent[n.Name()] == "" {
			r.absent[n.Name()] = why
		}
	}
	if len(r.absent) == 0 {
		logger.Info("Step 3 of 6: gluster answers on all nodes", "nodes", len(seen.Usable))
	} else {
		logger.Info("Step 3 of 6: gluster does not answer on all nodes", "nodes", len(seen.Usable), "absent", slices.Sorted(maps.Keys(r.absent)))
	}
	return r, nil
}

// missing returns an error with the reasons why nodes have no usable server. Nodes that Kubernetes does not have are left out,
// since waiting for them is useless.
func missing(seen servers.Seen, needed []string, gone map[string]string) error {
	var reasons []string
	for _, name := range needed {
		if why := seen.Why(name); why != "" && gone[name] == "" {
			reasons = append(reasons, fmt.Sprintf("node %s: %s", name, why))
		}
	}
	slices.Sort(reasons)
	if len(reasons) == 0 && len(seen.Usable) == 0 {
		reasons = append(reasons, "gluster answers on no node: are the storage nodes still labelled for it?")
	}
	if len(reasons) == 0 {
		return nil
	}
	return errors.New(strings.Join(reasons, "; "))
}

// checkEnough returns an error that names the missing nodes if there are too few nodes for the database's volume.
func (s *Setup) checkEnough(t topology.Topology, r reach) error {
	if _, err := t.ForReplica(s.Volume.Replica); err != nil {
		return err
	}
	if err := refuseGone(slices.Sorted(maps.Keys(r.gone)), r.gone); err != nil {
		return fmt.Errorf("%w; if a node is lost for good, remove it from the values, and upgrade the release", err)
	}
	if _, err := t.Without(r.absent).ForReplica(s.Volume.Replica); err != nil {
		var reasons []string
		for _, name := range slices.Sorted(maps.Keys(r.absent)) {
			reasons = append(reasons, fmt.Sprintf("node %s: %s", name, r.absent[name]))
		}
		return fmt.Errorf("the volume has %d copies, each on a different node, but gluster answers on too few nodes: %s. The Job is retried; in the values, replace a node that is lost for good by another one, and upgrade the release",
			s.Volume.Replica, strings.Join(reasons, "; "))
	}
	return nil
}

// warnAbsent logs a warning for each of Heketi's nodes whose server does not answer. The setup leaves such a node as it is.
func (s *Setup) warnAbsent(ctx context.Context, nodes []heketi.Node, r reach) {
	for _, n := range nodes {
		klog.FromContext(ctx).Info("WARNING: a node of Heketi is left alone, since GlusterFS on it does not answer", "node", n.Manage[0], "why", r.absent[n.Manage[0]],
			"do", fmt.Sprintf(`nothing, if it comes back. Until then, keep new volumes off it: kubectl -n %s exec statefulset/heketi -c heketi -- heketi-cli node disable %s. `+
				`If it is lost for good, see "A node that is lost for good" in the chart's README, and take it out of the values`, s.Namespace, n.ID))
	}
}

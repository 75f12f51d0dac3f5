package doctor

import (
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkPeers = "storage-peers"

// lostPeer is a server that other servers report as not taking part.
type lostPeer struct {
	glustercli.Peer
	seenBy []string // nodes whose servers report it
}

// peers merges the servers' reports about each other.
func (s *section) peers(answered []*server) {
	before := len(s.found)
	var lost []*lostPeer
	for _, one := range answered {
		for _, peer := range one.status.Peers {
			if peer.InCluster() {
				continue
			}
			i := slices.IndexFunc(lost, func(l *lostPeer) bool { return l.UUID == peer.UUID })
			if i < 0 {
				i = len(lost)
				lost = append(lost, &lostPeer{Peer: peer})
			}
			lost[i].seenBy = append(lost[i].seenBy, one.node)
		}
		s.alone(one, answered)
	}
	for _, l := range lost {
		severity, remedy := report.Warning, "no volume on it can be created or changed. Check that its node runs, that its pod is ready, and that the nodes reach its port 24007. "+
			"docs/storage-nodes.md (\"A node is lost for good\") says how to replace a node"
		if l.Connected {
			severity, remedy = report.Critical, "the server does not take part in the pool: its configuration of a volume differs from that of the other servers; "+
				"/var/log/glusterfs/glusterd.log on its node names the volume"
		}
		node := ""
		if i := slices.IndexFunc(answered, func(one *server) bool { return one.status.Self() == l.UUID }); i >= 0 {
			node = answered[i].node
		}
		s.add(severity, checkPeers, node, fmt.Sprintf("server %s is in the state %s, as seen from %s", l.Hostname, l.Condition(), named(l.seenBy, ", ")), remedy,
			s.inServer(answered[0], "pool list"), s.kubectl("get pods -o wide -l "+glusterLabels))
	}
	s.ok(checkPeers, before, "all servers are connected with each other")
}

// alone reports a server that is in no pool, although there is a pool.
func (s *section) alone(one *server, answered []*server) {
	if len(one.status.Peers) == 1 && slices.ContainsFunc(answered, func(other *server) bool { return len(other.status.Peers) > 1 }) {
		s.add(report.Info, checkPeers, one.node, "the server is not in the pool of the other servers", "if the node is new, add it to the chart's values (nodes), and run helm upgrade. "+
			"If it was in the pool, its /var/lib/glusterd was lost: docs/storage-nodes.md (\"A node is lost for good\") says how to replace a node")
	}
}

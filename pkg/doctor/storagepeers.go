package doctor

import (
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkPeers = "storage-peers"

// peers merges what the servers say about each other.
func (s *installation) peers(answered []*server) []report.Finding {
	type lost struct {
		peer   glustercli.Peer
		seenBy []string // nodes
	}
	byUUID := map[string]*lost{}
	var order []string
	var findings []report.Finding
	for _, one := range answered {
		for _, peer := range one.status.Peers {
			if peer.InCluster() {
				continue
			}
			if byUUID[peer.UUID] == nil {
				byUUID[peer.UUID] = &lost{peer: peer}
				order = append(order, peer.UUID)
			}
			byUUID[peer.UUID].seenBy = append(byUUID[peer.UUID].seenBy, one.node)
		}
		if f := s.alone(one, answered); f != nil {
			findings = append(findings, *f)
		}
	}
	for _, uuid := range order {
		l := byUUID[uuid]
		severity, remedy := report.Warning, "no volume can be made or changed with it. Does its node run, has it a ready pod of GlusterFS, and can nodes reach its port 24007? "+
			"If the node is lost for good, docs/day-one.md (\"Afterwards\") says how to replace it"
		if l.peer.Connected {
			severity, remedy = report.Critical, "the server takes no part in the pool: its configuration differs from that of the others. Its log "+
				"(/var/log/glusterfs/glusterd.log) names the volume that differs"
		}
		name := l.peer.Hostname
		if i := slices.IndexFunc(answered, func(one *server) bool { return one.status.Self() == uuid }); i >= 0 {
			name += " (node " + answered[i].node + ")"
		}
		findings = append(findings, s.finding(severity, checkPeers, fmt.Sprintf("server %s is %s, as seen from %s", name, l.peer.Condition(), named(l.seenBy, ", ")), remedy,
			s.glusterCommand(answered[0].pod, "pool list"), s.kubectl("get pods -o wide -l %s", glusterLabels)))
	}
	if len(findings) == 0 {
		findings = append(findings, s.finding(report.OK, checkPeers, "all servers are connected with each other", ""))
	}
	return findings
}

// alone finds a server that no pool has, while there is a pool.
func (s *installation) alone(one *server, answered []*server) *report.Finding {
	pooled := slices.ContainsFunc(answered, func(other *server) bool { return len(other.status.Peers) > 1 })
	if len(one.status.Peers) != 1 || !pooled {
		return nil
	}
	f := s.onNode(report.Info, checkPeers, one.node, "the server is in no pool with the others",
		"if the node is new, add it to the chart's values (nodes), and run helm upgrade. If it was one of the pool, its /var/lib/glusterd was lost: see docs/day-one.md (\"Afterwards\")")
	return &f
}

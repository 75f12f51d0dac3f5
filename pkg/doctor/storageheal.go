package doctor

import (
	"context"
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

const (
	checkHeal = "storage-heal"
	// largeBacklog is more than files that are being written account for: gluster lists them now and then.
	largeBacklog = 100
)

// heal asks one server of each pool, which asks the bricks of all.
func (s *installation) heal(ctx context.Context, answered []*server) []report.Finding {
	var findings []report.Finding
	covered := map[string]bool{} // UUIDs of servers
	for _, one := range answered {
		if self := one.status.Self(); self == "" || covered[self] {
			continue
		}
		var heal status.Heal
		if err := s.report(ctx, one.pod, healLimit, &heal, status.HealFlag); err != nil {
			findings = append(findings, s.onNode(report.Warning, checkHeal, one.node, fmt.Sprintf("the heal backlog cannot be asked for: %v", err), "look at it by hand",
				s.glusterCommand(one.pod, "volume heal VOLUME info summary")))
			continue // another server of the pool may answer
		}
		for _, peer := range one.status.Peers {
			covered[peer.UUID] = true
		}
		findings = append(findings, s.backlog(one, heal)...)
	}
	return findings
}

// backlog judges the answer of one server.
func (s *installation) backlog(one *server, heal status.Heal) []report.Finding {
	if heal.Failure != "" {
		return []report.Finding{s.onNode(report.Warning, checkHeal, one.node, heal.Failure, "look at the heal backlog by hand", s.glusterCommand(one.pod, "volume heal VOLUME info summary"))}
	}
	var splitBrain, large, small, unknown []string
	for _, v := range heal.Volumes {
		entries := fmt.Sprintf("%s (%d)", v.Name, v.Summary.Pending)
		switch {
		case v.Failure != "":
			unknown = append(unknown, v.Name+": "+v.Failure)
		case len(v.Summary.Unknown) > 0:
			unknown = append(unknown, v.Name+": "+named(v.Summary.Unknown, ", "))
		}
		if v.Summary.SplitBrain > 0 {
			splitBrain = append(splitBrain, fmt.Sprintf("%s (%d)", v.Name, v.Summary.SplitBrain))
		}
		switch {
		case v.Summary.Pending >= largeBacklog:
			large = append(large, entries)
		case v.Summary.Pending > 0:
			small = append(small, entries)
		}
	}
	var findings []report.Finding
	add := func(severity report.Severity, volumes []string, message, remedy, command string) {
		if len(volumes) > 0 {
			findings = append(findings, s.finding(severity, checkHeal, message+named(volumes, ", "), remedy, s.glusterCommand(one.pod, "%s", command)))
		}
	}
	add(report.Critical, splitBrain, "entries are in split-brain, and reading them fails, in gluster volumes ",
		"self-heal never repairs them: choose which copy is right, for each file (gluster volume heal VOLUME split-brain)", "volume heal VOLUME info split-brain")
	add(report.Warning, large, "entries wait for self-heal, in gluster volumes ",
		"self-heal works when all bricks are online: the numbers must fall. Until they are 0, do not take another server or device down", "volume heal VOLUME info summary")
	add(report.Warning, unknown, "the heal backlog is not known of bricks that do not answer, in gluster volumes ",
		"are these bricks online?", "volume heal VOLUME info summary")
	add(report.Info, small, "entries wait for self-heal, in gluster volumes ",
		"files that are being written count now and then. If the numbers stay, self-heal does not get on", "volume heal VOLUME info summary")
	if heal.Skipped > 0 {
		findings = append(findings, s.finding(report.Warning, checkHeal, fmt.Sprintf("the heal backlog of %s was not read: there was no time", plural(heal.Skipped, "gluster volume")),
			"repeat it when the servers are less busy, or look by hand", s.glusterCommand(one.pod, "volume heal VOLUME info summary")))
	}
	if len(findings) == 0 {
		findings = append(findings, s.finding(report.OK, checkHeal, fmt.Sprintf("nothing waits for self-heal in %s", plural(len(heal.Volumes), "gluster volume")), ""))
	}
	return findings
}

package doctor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

const (
	checkHeal = "storage-heal"
	// largeBacklog is more than the number of files that are being written: gluster sometimes lists such files, too.
	largeBacklog = 100
	healInfo     = "volume heal VOLUME info summary"
	notRead      = "the heal backlog cannot be read: "
	byHand       = "look at it by hand, for each volume"
)

// heal asks one server of each pool, which queries all bricks of the pool.
func (s *section) heal(ctx context.Context, answered []*server) {
	covered := map[string]bool{} // UUIDs of servers
	for _, one := range answered {
		if self := one.status.Self(); self == "" || covered[self] {
			continue
		}
		var heal status.Heal
		err := s.report(ctx, one.pod, healLimit, &heal, status.HealFlag)
		switch {
		case err != nil:
			s.add(report.Warning, checkHeal, one.node, fmt.Sprint(notRead, err), byHand, s.inServer(one, healInfo))
			continue // another server of the pool may answer
		case heal.Failure != "":
			s.add(report.Warning, checkHeal, one.node, notRead+heal.Failure, byHand, s.inServer(one, healInfo))
			continue
		}
		for _, peer := range one.status.Peers {
			covered[peer.UUID] = true
		}
		s.backlog(one, &heal)
	}
}

// backlog checks the answer of one server.
func (s *section) backlog(one *server, heal *status.Heal) {
	before := len(s.found)
	var splitBrain, large, small, unknown []string
	for i := range heal.Volumes {
		v := &heal.Volumes[i]
		if v.Failure != "" {
			unknown = append(unknown, v.Name+": "+v.Failure)
			continue
		}
		if len(v.Summary.Unknown) > 0 {
			unknown = append(unknown, v.Name+": "+named(v.Summary.Unknown, ", "))
		}
		if v.Summary.SplitBrain > 0 {
			splitBrain = append(splitBrain, counted(v.Name, v.Summary.SplitBrain))
		}
		if v.Summary.Pending >= largeBacklog {
			large = append(large, counted(v.Name, v.Summary.Pending))
		} else if v.Summary.Pending > 0 {
			small = append(small, counted(v.Name, v.Summary.Pending))
		}
	}
	const pending = "entries that wait for self-heal, by gluster volume: "
	for _, group := range []struct {
		severity                 report.Severity
		volumes                  []string
		message, remedy, command string
	}{
		{report.Critical, splitBrain, "entries in split-brain, which cannot be read, by gluster volume: ",
			"self-heal never repairs them: choose the right copy of each file (gluster volume heal VOLUME split-brain)", "volume heal VOLUME info split-brain"},
		{report.Warning, large, pending, "self-heal works while the bricks are online, and the numbers must fall. Until they are 0, take down no other server or device", healInfo},
		{report.Warning, unknown, "the heal backlog is not completely known, by gluster volume: ", "start the bricks that are offline, then run doctor again", healInfo},
		{report.Info, small, pending, "files that are being written are counted now and then. If the numbers stay, self-heal does not progress", healInfo},
	} {
		if len(group.volumes) > 0 {
			s.add(group.severity, checkHeal, "", group.message+named(group.volumes, "; "), group.remedy, s.inServer(one, group.command))
		}
	}
	if heal.Skipped > 0 {
		s.add(report.Warning, checkHeal, "", "there was no time to read the heal backlog of "+plain.Plural(heal.Skipped, "gluster volume"), byHand, s.inServer(one, healInfo))
	}
	s.ok(checkHeal, before, "no entries wait for self-heal in "+plain.Plural(len(heal.Volumes), "gluster volume"))
}

func counted(volume string, entries uint64) string {
	return volume + " (" + strconv.FormatUint(entries, 10) + ")"
}

package doctor

import (
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

const (
	checkPools = "storage-pools"
	// Percentages of a thin pool's data or metadata space.
	poolWarning  = 80
	poolCritical = 95
)

// pools reports thin pools that are nearly full. A pool without data space fails writes; one without metadata space must be
// repaired offline.
func (s *section) pools(answered []*server) {
	before, count := len(s.found), 0
	for _, one := range answered {
		count += len(one.status.Pools)
		var critical, warning []string
		for i := range one.status.Pools {
			switch severity, text := judge(&one.status.Pools[i]); severity {
			case report.Critical:
				critical = append(critical, text)
			case report.Warning:
				warning = append(warning, text)
			case report.Info, report.OK:
			}
		}
		s.poolsOf(one, report.Critical, critical)
		s.poolsOf(one, report.Warning, warning)
	}
	s.ok(checkPools, before, plain.Plural(count, "thin pool")+", none nearly full")
}

func (s *section) poolsOf(one *server, severity report.Severity, texts []string) {
	if len(texts) == 0 {
		return
	}
	lvm := "exec " + one.pod + " -c " + servers.Container + " -- lvm "
	s.add(severity, checkPools, one.node, named(texts, "; "),
		"delete snapshots of the volume whose brick has the pool's id or, if the pool's volume group has free space, extend the pool with lvextend (add "+
			"--poolmetadatasize for metadata). A pool that is not active is on a device that is missing or damaged",
		s.kubectl(lvm+"lvs -a -o +lv_health_status"), s.kubectl(lvm+"vgs"))
}

// judge returns the severity of a pool's state, and describes the state. It ignores the used data space of a pool that is as
// large as all of its thin volumes together. Such a pool has room for every write, and its used space does not fall when files
// are deleted, but only when their blocks are discarded.
func judge(pool *status.Pool) (report.Severity, string) {
	name := pool.Group + "/" + pool.Name
	full, of := pool.Metadata, "metadata space in use"
	if pool.Promised > pool.Size && pool.Data > full {
		full, of = pool.Data, "data space in use, and is smaller than its thin volumes together"
	}
	severity := report.OK
	switch {
	case pool.Health != "":
		return report.Critical, name + " is in the state " + pool.Health
	case !pool.Active:
		return report.Warning, name + " is not active"
	case full >= poolCritical:
		severity = report.Critical
	case full >= poolWarning:
		severity = report.Warning
	}
	return severity, fmt.Sprintf("%s has %.0f %% of its %s", name, full, of)
}

package doctor

import (
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

const (
	checkPools = "storage-pools"
	// Percentages of a thin pool's data or metadata.
	poolWarning  = 80
	poolCritical = 95
)

// pools looks for thin pools that are nearly full. A pool without data space fails writes, one without metadata space has to be
// repaired offline.
func (s *installation) pools(answered []*server) []report.Finding {
	var findings []report.Finding
	count := 0
	for _, one := range answered {
		count += len(one.status.Pools)
		texts := map[report.Severity][]string{}
		for _, pool := range one.status.Pools {
			if severity, text := judge(pool); severity != report.OK {
				texts[severity] = append(texts[severity], text)
			}
		}
		for _, severity := range []report.Severity{report.Critical, report.Warning} {
			if len(texts[severity]) > 0 {
				findings = append(findings, s.onNode(severity, checkPools, one.node, fmt.Sprintf("%s in trouble: %s", poolsAre(len(texts[severity])), named(texts[severity], "; ")),
					"delete snapshots or files of the volume whose brick has the same name, or extend the pool while its group has free space (lvextend; for metadata "+
						"lvextend --poolmetadatasize). A pool that is not active is on a device that is missing or damaged",
					s.kubectl("exec %s -c %s -- lvm lvs -a -o +lv_health_status", one.pod, servers.Container), s.kubectl("exec %s -c %s -- lvm vgs", one.pod, servers.Container)))
			}
		}
	}
	if len(findings) == 0 {
		findings = append(findings, s.finding(report.OK, checkPools, fmt.Sprintf("%s, none nearly full", plural(count, "thin pool")), ""))
	}
	return findings
}

// judge leaves out data space that cannot run out: a pool as large as its thin volumes together has room for whatever is written,
// and stays full when files are deleted, until blocks are discarded.
func judge(pool status.Pool) (report.Severity, string) {
	name := pool.Group + "/" + pool.Name
	full := pool.Metadata
	text := fmt.Sprintf("%s has %.0f %% of its metadata space in use", name, pool.Metadata)
	if pool.Promised > pool.Size && pool.Data > full {
		full = pool.Data
		text = fmt.Sprintf("%s has %.0f %% of its data space in use, and its thin volumes are larger than it", name, pool.Data)
	}
	switch {
	case pool.Health != "":
		return report.Critical, name + " is reported as " + pool.Health
	case !pool.Active:
		return report.Warning, name + " is not active"
	case full >= poolCritical:
		return report.Critical, text
	case full >= poolWarning:
		return report.Warning, text
	}
	return report.OK, ""
}

func poolsAre(n int) string {
	if n == 1 {
		return "1 thin pool is"
	}
	return fmt.Sprintf("%d thin pools are", n)
}

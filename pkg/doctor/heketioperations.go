package doctor

import (
	"context"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// operations looks for stale and failed operations, which no process will finish.
func (p *backendCheck) operations(ctx context.Context) []report.Finding {
	const check = "heketi-operations"
	operations, err := p.client.Operations(ctx)
	if err != nil {
		return []report.Finding{p.failed(report.Warning, check, err)}
	}
	if len(operations) == 0 {
		return []report.Finding{p.finding(report.OK, check, "no operation is under way or was left behind", "")}
	}
	running := 0
	var left []heketi.Operation
	for _, op := range operations {
		if op.Status == "" {
			running++
		} else {
			left = append(left, op)
		}
	}
	var findings []report.Finding
	if running > 0 {
		findings = append(findings, p.finding(report.Info, check, plain.Plural(running, "operation")+" under way", ""))
	}
	if len(left) > 0 {
		findings = append(findings, backendreport.LeftBehind(p.backend, p.dump, left, check))
	}
	return findings
}

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const glusterdPort = 24007

// reach connects to gluster servers. A client needs at least one of them to mount.
func (c checker) reach(ctx context.Context, subject string, hosts []string) []report.Finding {
	if len(hosts) == 0 {
		return nil
	}
	reasons := make([]string, len(hosts)) // the reason why each server cannot be reached, or ""
	var group errgroup.Group              // without errors: all servers are tried
	for i, host := range hosts {
		group.Go(func() error {
			if _, err := c.prober.Order(ctx, []string{host}, glusterdPort); err != nil {
				reasons[i] = reason(err)
			}
			return nil
		})
	}
	_ = group.Wait()
	finding := report.Finding{Severity: report.OK, Check: "gluster-port", Subject: subject}
	all := fmt.Sprintf("port %d of %s", glusterdPort, plain.Plural(len(hosts), "gluster server"))
	severity := report.Warning
	if !slices.Contains(reasons, "") { // nothing can be mounted from here
		if !c.onNode {
			finding.Severity = report.Info
			finding.Message = all + " cannot be reached from here: " + reasons[0]
			finding.Remedy = "in a pod, do nothing: nodes must reach gluster servers, and pods should not. Check from the nodes, with doctor --node"
			return []report.Finding{finding}
		}
		severity = report.Critical
	}
	var findings []report.Finding
	for i, host := range hosts {
		if reasons[i] != "" {
			finding.Severity = severity
			finding.Message = fmt.Sprintf("gluster server %s cannot be reached on port %d: %s", host, glusterdPort, reasons[i])
			finding.Remedy = "check that glusterd runs on that node (systemctl status glusterd), and that no firewall or NetworkPolicy is between it and " +
				"this machine; clients also need the bricks' ports, 49152 and above"
			findings = append(findings, finding)
		}
	}
	if len(findings) == 0 {
		finding.Message = all + " can be reached"
		findings = append(findings, finding)
	}
	return findings
}

// reason returns the prober's error about a server, without the parts that concern all servers.
func reason(err error) string {
	if unreachable, ok := errors.AsType[*mount.UnreachableError](err); ok {
		return unreachable.Reasons[0]
	}
	return err.Error()
}

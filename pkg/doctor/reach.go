package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const (
	checkPort    = "gluster-port"
	glusterdPort = 24007
)

// glusterd is the address at which a gluster server listens for clients.
type glusterd struct {
	host string
	port int
}

// glusterds returns the servers, each at the same port.
func glusterds(hosts []string, port int) []glusterd {
	servers := make([]glusterd, len(hosts))
	for i, host := range hosts {
		servers[i] = glusterd{host, port}
	}
	return servers
}

// reach connects to gluster servers. A group holds the servers of one cluster or volume; to mount, a client needs at least one
// server of the group.
func (c checker) reach(ctx context.Context, subject string, groups ...[]glusterd) []report.Finding {
	servers := distinct(groups)
	if len(servers) == 0 {
		return nil
	}
	reasons := c.unreachable(ctx, servers)
	finding := report.Finding{Severity: report.OK, Check: checkPort, Subject: subject}
	all := portsOf(servers) + " of " + plain.Plural(len(servers), "gluster server")
	if len(reasons) == len(servers) && !c.onNode {
		finding.Severity = report.Info
		finding.Message = all + " cannot be reached from here: " + reasons[servers[0]]
		finding.Remedy = "in a pod, do nothing: nodes must reach gluster servers, and pods should not. Check from the nodes, with doctor --node"
		return []report.Finding{finding}
	}
	severities := map[glusterd]report.Severity{}
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(server glusterd) bool { return reasons[server] == "" }) {
			for _, server := range group {
				severities[server] = report.Critical // a volume cannot be mounted
			}
		}
	}
	var findings []report.Finding
	for _, server := range servers {
		if reasons[server] != "" {
			finding.Severity = cmp.Or(severities[server], report.Warning)
			finding.Message = fmt.Sprintf("gluster server %s cannot be reached on port %d: %s", server.host, server.port, reasons[server])
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

// unreachable connects to all servers concurrently, and returns the reasons for those that cannot be reached.
func (c checker) unreachable(ctx context.Context, servers []glusterd) map[glusterd]string {
	failures := make([]error, len(servers))
	var group errgroup.Group // without errors: all servers are tried
	for i, server := range servers {
		group.Go(func() error {
			_, failures[i] = c.prober.Order(ctx, []string{server.host}, server.port)
			return nil
		})
	}
	_ = group.Wait()
	reasons := map[glusterd]string{}
	for i, server := range servers {
		if failures[i] != nil {
			reasons[server] = reason(failures[i])
		}
	}
	return reasons
}

// distinct returns each server once, in the order of their first occurrence.
func distinct(groups [][]glusterd) (servers []glusterd) {
	seen := map[glusterd]bool{}
	for _, server := range slices.Concat(groups...) {
		if !seen[server] {
			seen[server] = true
			servers = append(servers, server)
		}
	}
	return servers
}

// portsOf returns the servers' ports for a message, as in "port 24007".
func portsOf(servers []glusterd) string {
	var ports []string
	for _, server := range servers {
		if port := strconv.Itoa(server.port); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return "port " + strings.Join(ports, " or ")
}

// reason returns the prober's error about a server, without the parts that concern all servers.
func reason(err error) string {
	if unreachable, ok := errors.AsType[*mount.UnreachableError](err); ok {
		return unreachable.Reasons[0]
	}
	return err.Error()
}

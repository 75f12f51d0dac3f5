package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkLeftovers = "node-leftovers"

// mounts checks each GlusterFS client in the mount namespace once, the driver's and others.
func (n *Node) mounts(ctx context.Context, c checker) []report.Finding {
	all, err := mount.Mounts(mountinfo.FSTypeFilter(mount.FSType))
	if err != nil {
		return nodeFinding(report.Warning, checkLeftovers, fmt.Sprintf("the mounts cannot be read: %v", err), "")
	}
	visible := map[mount.Device][]string{}
	var order []mount.Device
	for _, m := range all {
		if top, _ := mount.Top(m.Mountpoint); top == nil || top.ID != m.ID {
			continue // covered by another mount
		}
		device := mount.DeviceOf(m)
		if visible[device] == nil {
			order = append(order, device)
		}
		visible[device] = append(visible[device], m.Mountpoint)
	}
	asker := &fusequery.Asker{}
	defer asker.Close()
	checks := make([]func(context.Context) []report.Finding, len(order))
	for i, device := range order {
		checks[i] = func(ctx context.Context) []report.Finding { return c.askClient(ctx, asker, device, visible[device]) }
	}
	findings := parallel(ctx, checks)
	if len(findings) == 0 {
		return nodeFinding(report.OK, checkLeftovers, plain.Plural(len(order), "GlusterFS client")+" mounted, none dead", "")
	}
	return findings
}

func (c checker) askClient(ctx context.Context, asker *fusequery.Asker, device mount.Device, paths []string) []report.Finding {
	limit := c.limit / 4
	ended, err := asker.ClientEnded(ctx, limit, device.String(), paths[0])
	at := "at " + named(paths, ", ")
	switch {
	case errors.Is(err, mount.ErrTimeout):
		return nodeFinding(report.Warning, checkLeftovers, fmt.Sprintf("a GlusterFS client does not answer within %s: it is mounted %s", limit, at),
			"its log tells why (in the node plugin's state directory, logs/); a client that waits for its servers continues when they are back")
	case err != nil:
		return nodeFinding(report.Warning, checkLeftovers, err.Error(), "")
	case ended:
		return nodeFinding(report.Warning, checkLeftovers, "a GlusterFS client has died, and its mount is still there "+at+
			": any pod that uses it gets \"Transport endpoint is not connected\"",
			"the node plugin replaces the client (if it cannot, the node plugin's log says why); with --heal-mounts=false, delete the pods that use the "+
				"volume on this node. If no pod uses it:", "umount --lazy "+quoted(paths[0]))
	}
	return nil
}

// quoted returns the path quoted for a shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// records checks the node plugin's state directory.
func (n *Node) records(ctx context.Context, c checker) []report.Finding {
	subject := "state directory " + n.StateDir
	volumes, err := fuseclient.ReadVolumes(n.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return []report.Finding{{Severity: report.Info, Check: checkLeftovers, Subject: subject,
			Message: "it does not exist: no node plugin has run here, or it used another --state-dir"}}
	}
	ending, endingErr := fuseclient.ReadEnding(n.StateDir)
	if err = errors.Join(err, endingErr); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []report.Finding{{Severity: report.Warning, Check: checkLeftovers, Subject: subject, Message: shortened(err.Error()),
			Remedy: "the node plugin cannot read it either; look at the disk, and remove the file if its volume is not mounted here"}}
	}
	return slices.Concat(recordFindings(subject, volumes, ending), uncleared(subject, n.StateDir), n.sealed(subject, volumes),
		c.servers(ctx, n.StateDir, volumes))
}

// servers checks the gluster servers that the volumes' next clients may use.
func (c checker) servers(ctx context.Context, stateDir string, volumes []fuseclient.Recorded) []report.Finding {
	const subject = "gluster servers of the volumes on this node"
	clusters, err := fuseclient.ReadClusterServers(stateDir)
	if err != nil {
		return []report.Finding{{Severity: report.Warning, Check: checkPort, Subject: subject, Message: shortened(err.Error()),
			Remedy: "restart the node plugin, which writes the file at its start"}}
	}
	volumes, _ = ofThisBoot(volumes)
	groups := make([][]glusterd, len(volumes))
	for i, r := range volumes {
		groups[i] = glusterds(r.Servers(clusters), r.Source.Options.Port())
	}
	return c.reach(ctx, subject, groups...)
}

// ofThisBoot returns the records of this boot, and how many others there are. If the boot id is unknown, it returns all records.
func ofThisBoot(records []fuseclient.Recorded) (current []fuseclient.Recorded, old int) {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	for _, r := range records {
		if len(boot) == 0 || r.BootID == strings.TrimSpace(string(boot)) {
			current = append(current, r)
		}
	}
	return current, len(records) - len(current)
}

func recordFindings(subject string, volumes, ending []fuseclient.Recorded) []report.Finding {
	volumes, oldVolumes := ofThisBoot(volumes)
	ending, oldEnding := ofThisBoot(ending)
	old := oldVolumes + oldEnding
	var findings []report.Finding
	if old > 0 {
		findings = append(findings, report.Finding{Severity: report.Info, Check: checkLeftovers, Subject: subject,
			Message: plain.Plural(old, "record") + " of an earlier boot", Remedy: "the node plugin removes them when it starts"})
	}
	if len(ending) > 0 {
		findings = append(findings, report.Finding{Severity: report.Info, Check: checkLeftovers, Subject: subject,
			Message: plain.Plural(len(ending), "client") + " asked to end, end not yet confirmed",
			Remedy:  "do nothing: a client stays while a container has a mount of it, and the node plugin tries again every minute"})
	}
	return append(findings, report.Finding{Severity: report.OK, Check: checkLeftovers, Subject: subject,
		Message: plain.Plural(len(volumes), "volume") + " recorded as mounted"})
}

// uncleared reports the leftovers that the node plugin could not remove at its last start. The node plugin has written a list of
// them.
func uncleared(subject, stateDir string) []report.Finding {
	text, err := os.ReadFile(filepath.Join(stateDir, "leftovers")) // #nosec G304 -- below the state directory
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(lines) == 0:
		return nil
	case err != nil:
		return []report.Finding{{Severity: report.Warning, Check: checkLeftovers, Subject: subject, Message: shortened(err.Error())}}
	}
	return []report.Finding{{Severity: report.Warning, Check: checkLeftovers, Subject: subject,
		Message: shortened("the node plugin could not remove " + named(lines, "; ")),
		Remedy:  "they do not affect other volumes; check the disk, remove them by hand, and restart the node plugin"}}
}

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkClients = "node-clients"

// placement reports clients that run in the node plugin's pod, and end with it, and clients of earlier versions.
func (n *Node) placement(context.Context, checker) []report.Finding {
	state, err := fuseclient.ReadPlacement(n.StateDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // no node plugin has run here; the check of its records reports that
	case err != nil:
		return nodeFinding(report.Warning, checkClients, shortened(err.Error()), "restart the node plugin, which writes the file at its start")
	}
	var findings []report.Finding
	if state.Error != "" {
		findings = nodeFinding(report.Warning, checkClients, "GlusterFS clients run in the node plugin's pod and end with it, because they cannot be placed outside: "+
			shortened(state.Error), "see \"Clients in the pod\" in docs/mounts.md; until then drain the node before its node plugin is replaced")
	}
	if state.Unsupervised {
		findings = append(findings, nodeFinding(report.Warning, checkClients, "GlusterFS clients can mount more than once, because the container runtime supervises the node plugin's system calls",
			"see \"What a client may do\" in docs/mounts.md; if the runtime sets no seccomp notifications for the container, the node plugin supervises its clients")...)
	}
	if state.Hidden != "" {
		findings = append(findings, nodeFinding(report.Warning, checkClients, "GlusterFS clients make their mounts themselves, because the node plugin cannot access their memory: "+shortened(state.Hidden),
			"see \"What a client may do\" in docs/mounts.md; with kernel.yama.ptrace_scope below 3, the node plugin makes the mounts")...)
	}
	inPod, older, all := 0, 0, fuseclient.Clients(n.StateDir)
	for _, c := range all {
		switch {
		case c.Placement == fuseclient.PlacementPod:
			inPod++
		case c.Version != state.Version:
			older++
		}
	}
	if inPod > 0 {
		findings = append(findings, nodeFinding(report.Warning, checkClients, plain.Plural(inPod, "GlusterFS client")+" in the node plugin's pod: clients there end with the pod",
			"drain the node before its node plugin is replaced; if client.placement is node, later clients run outside of the pod")...)
	}
	if older > 0 {
		findings = append(findings, nodeFinding(report.Info, checkClients, plain.Plural(older, "GlusterFS client")+" of an earlier version",
			"do nothing: a volume gets a new client when its last pod on this node has ended and another pod uses the volume")...)
	}
	if len(findings) == 0 && state.Placement == fuseclient.PlacementPod {
		return nodeFinding(report.OK, checkClients, "GlusterFS clients run in the node plugin's pod, as its --client-placement says", "")
	}
	if len(findings) == 0 {
		return nodeFinding(report.OK, checkClients, fmt.Sprintf("%s of version %s, outside of the node plugin's pod", plain.Plural(len(all), "GlusterFS client"), state.Version), "")
	}
	return findings
}

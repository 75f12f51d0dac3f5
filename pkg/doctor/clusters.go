package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	kibPerGiB = 1 << 20
	// volumesPerCluster is Heketi's default limit (heketi: HEKETI_GLUSTER_MAX_VOLUMES_PER_CLUSTER); Heketi does not report the
	// configured one.
	volumesPerCluster = 1000
)

func (p *backendCheck) clusterIDs() []string { return slices.Sorted(maps.Keys(p.dump.Clusters)) }

// clusters checks which devices and nodes are offline, and how much space is free.
func (p *backendCheck) clusters(context.Context) []report.Finding {
	findings := make([]report.Finding, 0, len(p.dump.Clusters))
	for _, id := range p.clusterIDs() {
		findings = append(findings, p.offline(id)...)
		findings = append(findings, p.capacity(id))
	}
	return findings
}

func (p *backendCheck) offline(cluster string) []report.Finding {
	const check = "cluster-offline"
	var findings []report.Finding
	say := func(what, where, command string) {
		findings = append(findings, p.finding(report.Warning, check,
			fmt.Sprintf("cluster %s: %s is offline or failed%s, so that no new bricks are put there", cluster, what, where),
			"if that is not intended, enable it again:", backendreport.CLI(p.backend, command)))
	}
	for _, nodeID := range p.dump.Clusters[cluster].Nodes {
		node := p.dump.Nodes[nodeID]
		if !node.Online {
			say("node "+node.Host, "", "node enable "+nodeID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.dump.Devices)) {
		device := p.dump.Devices[id]
		if !device.Online && slices.Contains(p.dump.Clusters[cluster].Nodes, device.Node) {
			say("device "+id, " on node "+p.dump.Nodes[device.Node].Host, "device enable "+id)
		}
	}
	return findings
}

func (p *backendCheck) capacity(cluster string) report.Finding {
	const check = "cluster-capacity"
	if !p.dump.Clusters[cluster].File {
		return p.finding(report.Info, check, fmt.Sprintf("cluster %s takes no file volumes: it is reserved for block volumes", cluster), "")
	}
	var devices, online int
	var freeKiB uint64
	for _, d := range p.dump.Devices {
		if !slices.Contains(p.dump.Clusters[cluster].Nodes, d.Node) {
			continue
		}
		devices++
		if d.Online && p.dump.Nodes[d.Node].Online {
			online++
			freeKiB += d.FreeKiB
		}
	}
	largest := heketi.NewRoom(p.dump, cluster, heketi.Layout{Durability: volume.DefaultDurability(), SnapFactor: 1}).LargestGiB()
	message := fmt.Sprintf("cluster %s: %s, %d of %s usable, %d GiB of raw space free there; ", cluster,
		plain.Plural(len(p.dump.Clusters[cluster].Nodes), "node"), online, plain.Plural(devices, "device"), freeKiB/kibPerGiB)
	if largest == 0 {
		return p.finding(report.Warning, check, message+"no volume with three copies, the default, fits",
			"add a device or a node, or delete volumes. Three copies need three nodes with free space; classes with another volumetype may still work")
	}
	return p.finding(report.OK, check, fmt.Sprintf("%sa volume with three copies may have up to %d GiB", message, largest), "")
}

// volumeCount compares the number of volumes with Heketi's limit.
func (p *backendCheck) volumeCount(context.Context) []report.Finding {
	const check = "heketi-volumes"
	counts := map[string]int{}
	for _, v := range p.dump.Volumes {
		counts[v.Cluster]++
	}
	findings := make([]report.Finding, 0, len(p.dump.Clusters))
	for _, id := range p.clusterIDs() {
		message := fmt.Sprintf("cluster %s has %s", id, plain.Plural(counts[id], "volume"))
		if counts[id] < volumesPerCluster*9/10 {
			findings = append(findings, p.finding(report.OK, check, message, ""))
			continue
		}
		findings = append(findings, p.finding(report.Warning, check,
			fmt.Sprintf("%s; by default, Heketi makes no more than %d in a cluster", message, volumesPerCluster),
			"start Heketi with a higher HEKETI_GLUSTER_MAX_VOLUMES_PER_CLUSTER, or add a cluster; if you have done so, nothing is wrong"))
	}
	return findings
}

// names looks for volumes that were made twice: Heketi checks the uniqueness of a name only within a cluster.
func (p *backendCheck) names(context.Context) []report.Finding {
	const check = "heketi-names"
	same := map[string][]string{}
	for id, v := range p.dump.Volumes {
		key := v.Name
		if volume.IsOurs(v.Name) {
			// A CSI name must not have two volumes, even if their Heketi names differ. The names of other programs' volumes never
			// equal such a key.
			key = "-" + volume.NameKey(v.Name)
		}
		same[key] = append(same[key], fmt.Sprintf("%s (id %s, cluster %s)", v.Name, id, v.Cluster))
	}
	var findings []report.Finding
	for _, key := range slices.Sorted(maps.Keys(same)) {
		if len(same[key]) < 2 {
			continue
		}
		volumes := slices.Sorted(slices.Values(same[key]))
		findings = append(findings, p.finding(report.Warning, check,
			"several volumes of one name: "+named(volumes, "; "),
			"find out which of them has the data (glusterfs-csi orphans tells which one a PersistentVolume uses), and delete the others"))
	}
	if findings == nil {
		findings = append(findings, p.finding(report.OK, check, "no name has two volumes", ""))
	}
	return findings
}

// ports connects to each gluster server of the clusters. On a node, these are the servers that its clients use.
func (p *backendCheck) ports(ctx context.Context) []report.Finding {
	findings := make([]report.Finding, 0, len(p.dump.Clusters))
	for _, id := range p.clusterIDs() {
		hosts, replaced := p.clusterServers[id]
		if !replaced {
			hosts = p.dump.Hosts(id)
		}
		findings = append(findings, p.reach(ctx, p.subject+", cluster "+id, glusterds(hosts, glusterdPort))...)
	}
	return findings
}

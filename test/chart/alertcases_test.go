package chart

import (
	"fmt"
	"maps"
	"strings"
)

// The labels that Prometheus gives the series of this chart's PodMonitor.
const (
	ofNode       = `namespace="glusterfs-csi",pod="glusterfs-csi-node-x7k2p",container="glusterfs-csi",node="n1"`
	ofController = `namespace="glusterfs-csi",pod="glusterfs-csi-controller-0",container="glusterfs-csi",node="n1"`
	ofOther      = `namespace="other",pod="csi-node-x",container="glusterfs-csi",node="n1"` // another driver with the same call metrics
)

func nodeMetric(name, labels string) string       { return name + "{" + ofNode + labels + "}" }
func controllerMetric(name, labels string) string { return name + "{" + ofController + labels + "}" }

func calls(of, method, code string) string {
	service := "csi.v1.Controller"
	if of != ofController {
		service = "csi.v1.Node"
	}
	return fmt.Sprintf(`grpc_server_handled_total{%s,grpc_service=%q,grpc_method=%q,grpc_code=%q}`, of, service, method, code)
}

// labelled returns an alert's labels: its severity, the driver's namespace and the given labels.
func labelled(severity string, more map[string]string) map[string]string {
	labels := map[string]string{"severity": severity, "namespace": "glusterfs-csi"}
	maps.Copy(labels, more)
	return labels
}

func ofPod(severity string) map[string]string {
	return labelled(severity, map[string]string{"pod": "glusterfs-csi-node-x7k2p", "node": "n1"})
}

// ofContainer returns the labels of an alert that keeps all labels of a series.
func ofContainer(severity string) map[string]string {
	return labelled(severity, map[string]string{"pod": "glusterfs-csi-node-x7k2p", "node": "n1", "container": "glusterfs-csi"})
}

// oneClaimWaits returns a counter of calls for one claim that all fail: external-provisioner's pauses grow to five minutes, and a
// call takes up to a minute.
func oneClaimWaits(times int) string {
	series := make([]string, times)
	for n := range times {
		series[n] = fmt.Sprintf("%dx5", n+1) // six samples
	}
	return strings.Join(series, " ")
}

const node = "glusterfs-csi-node-x7k2p"

func alertCases() []alertCase {
	daemonSet := func(what string) string {
		return "kube_daemonset_status_" + what + `{namespace="glusterfs-csi",daemonset="glusterfs-csi-node"}`
	}
	heals, graph, unrepaired := "glusterfs_csi_node_heals_total", "glusterfs_csi_node_graph_repairs_total", "glusterfs_csi_node_unrepaired_mounts"
	healed, partly, failed := `,outcome="healed"`, `,outcome="partly"`, `,outcome="failed"`
	refusals := "glusterfs_csi_heketi_login_refusals_total"
	deaths := nodeMetric("glusterfs_csi_node_client_deaths_total", "")
	return []alertCase{
		{
			alert: "GlusterfsCSIPluginDown", at: "20m", labels: ofContainer("warning"), summary: node + " does not answer Prometheus",
			fires: map[string]string{nodeMetric("up", ""): "1x5 0x20"},
			quiet: map[string]string{nodeMetric("up", ""): "1x5 0x8 1x20", "up{" + ofOther + "}": "0x40"},
		},
		{
			alert: "GlusterfsCSINodePluginMissing", at: "30m", summary: "2 nodes have no node plugin that is ready",
			labels: labelled("warning", map[string]string{"daemonset": "glusterfs-csi-node"}),
			fires:  map[string]string{daemonSet("desired_number_scheduled"): "5x40", daemonSet("number_ready"): "5x5 3x40"},
			quiet:  map[string]string{daemonSet("desired_number_scheduled"): "5x40", daemonSet("number_ready"): "5x5 4x10 5x40"},
		},
		{
			alert: "GlusterfsCSIControllerMissing", at: "30m", summary: "The controller does not run",
			labels: labelled("critical", nil),
			fires:  map[string]string{controllerMetric("up", ""): "1x10 0x2 _x40", nodeMetric("up", ""): "1x40"},
			quiet:  map[string]string{controllerMetric("up", ""): "1x10 _x8 1x40"},
		},
		{
			alert: "GlusterfsCSIPluginRestarts", at: "60m", labels: ofContainer("warning"), summary: node + " keeps restarting",
			fires: map[string]string{nodeMetric("process_start_time_seconds", ""): "1000x10 1600x10 2200x10 2800x60"},
			quiet: map[string]string{nodeMetric("process_start_time_seconds", ""): "1000x10 1600x10 2200x60"},
		},
		{
			alert: "GlusterfsCSIMountsNotRepaired", at: "90m", labels: ofPod("critical"), summary: "3 mount(s) could not be repaired by " + node,
			// The only attempt that failed was more than an hour ago.
			fires: map[string]string{nodeMetric(unrepaired, ""): "0x10 3x90", nodeMetric(heals, healed): "0x5 3x95", nodeMetric(graph, partly): "0x10 1x90"},
			// The attempt failed at first, and the next one repaired the rest; later a container with a lost mount was restarted.
			quiet: map[string]string{nodeMetric(unrepaired, ""): "0x10 2x4 0x20 1x30 0x40", nodeMetric(heals, partly): "0x10 1x90", nodeMetric(graph, failed): "0x34 1x70"},
		},
		{
			alert: "GlusterfsCSIClientNotReplaced", at: "60m", labels: ofContainer("critical"),
			summary: "1 volume(s) on the node of " + node + " have no GlusterFS client: it has ended and was not replaced",
			// Another client that ended at the same time was replaced.
			fires: map[string]string{nodeMetric("glusterfs_csi_node_volumes_without_client", ""): "0x10 2x2 1x60", deaths: "0x10 2x60", nodeMetric(heals, healed): "5x12 6x60"},
			quiet: map[string]string{nodeMetric("glusterfs_csi_node_volumes_without_client", ""): "0x10 1x4 0x60", deaths: "0x10 1x60"},
		},
		{
			alert: "GlusterfsCSIClientsEnd", at: "60m", labels: ofContainer("warning"), summary: "GlusterFS clients keep ending on the node of " + node,
			fires: map[string]string{deaths: "0x10 1x10 2x10 3x60"},
			quiet: map[string]string{deaths: "0x10 1x60"},
		},
		{
			alert: "GlusterfsCSIClientsHang", at: "30m", labels: ofContainer("warning"), summary: "GlusterFS clients hang on the node of " + node,
			fires: map[string]string{nodeMetric("glusterfs_csi_node_hung_clients_total", ""): "0x10 1x60"},
			quiet: map[string]string{nodeMetric("glusterfs_csi_node_hung_clients_total", ""): "4x60", deaths: "0x10 1x60"},
		},
		{
			alert: "GlusterfsCSIClientsInPod", at: "20m", labels: ofPod("warning"), summary: "GlusterFS clients run in the pod " + node,
			fires: map[string]string{nodeMetric("glusterfs_csi_node_clients_in_pod", ""): "1x40"},
			quiet: map[string]string{nodeMetric("glusterfs_csi_node_clients_in_pod", ""): "1x5 0x40"},
		},
		{ // the node plugin could not place clients for a minute
			alert: "GlusterfsCSIClientsInPod", at: "40m", labels: ofPod("warning"), summary: "GlusterFS clients run in the pod " + node,
			fires: map[string]string{
				nodeMetric("glusterfs_csi_node_clients_in_pod", ""):                               "1x1 0x60",
				nodeMetric("glusterfs_csi_node_clients", `,placement="pod",version=""`):           "2x60",
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-aaaa"`): "3x60",
			},
			quiet: map[string]string{
				nodeMetric("glusterfs_csi_node_clients_in_pod", ""):                               "1x1 0x60",
				nodeMetric("glusterfs_csi_node_clients", `,placement="pod",version=""`):           "2x10 _x60",
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-aaaa"`): "3x60",
			},
		},
		{
			alert: "GlusterfsCSIOldClients", every: "6h", at: "15d", labels: labelled("info", nil),
			summary: "GlusterFS clients of another version than the node plugins' have been running for two weeks; now there are 3",
			fires: map[string]string{ // all clients have the same version, and the node plugin another
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-aaaa"`): "3x60",
				nodeMetric("glusterfs_csi_node_old_clients", ""):                                  "3x60",
			},
			quiet: map[string]string{ // the old clients have ended in time
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-aaaa"`): "3x40 _x20",
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-bbbb"`): "1x60",
				nodeMetric("glusterfs_csi_node_old_clients", ""):                                  "3x40 0x20",
			},
		},
		{ // the node plugin of the old clients was replaced, and another node has the files of another architecture
			alert: "GlusterfsCSIOldClients", every: "6h", at: "15d", labels: labelled("info", nil),
			summary: "GlusterFS clients of another version than the node plugins' have been running for two weeks; now there are 2",
			fires: map[string]string{
				nodeMetric("glusterfs_csi_node_old_clients", ""):                                     "1x20 _x40",
				strings.Replace(nodeMetric("glusterfs_csi_node_old_clients", ""), node, node+"2", 1): "_x21 2x60",
			},
			quiet: map[string]string{
				nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-aaaa"`):                                               "3x60",
				nodeMetric("glusterfs_csi_node_old_clients", ""):                                                                                "0x60",
				strings.Replace(nodeMetric("glusterfs_csi_node_clients", `,placement="node",version="10.3-bbbb"`), `node="n1"`, `node="n2"`, 1): "1x60",
			},
		},
		{
			alert: "GlusterfsCSILeftovers", at: "90m", labels: ofContainer("info"), summary: node + " could not remove 2 files or directories",
			fires: map[string]string{nodeMetric("glusterfs_csi_node_leftovers", ""): "2x120"},
			quiet: map[string]string{nodeMetric("glusterfs_csi_node_leftovers", ""): "2x50 0x120"},
		},
		{
			alert: "GlusterfsCSINodeCallsFail", at: "15m", summary: "NodeStageVolume keeps failing on the node of " + node,
			labels: labelled("warning", map[string]string{"pod": node, "node": "n1", "grpc_method": "NodeStageVolume"}),
			fires:  map[string]string{calls(ofNode, "NodeStageVolume", "Unavailable"): "0+1x30"},
			quiet: map[string]string{
				calls(ofNode, "NodeStageVolume", "OK"): "0+1x30", calls(ofNode, "NodeGetVolumeStats", "Unavailable"): "0+1x30",
				calls(ofNode, "NodePublishVolume", "Internal"): "0x5 2x30", calls(ofOther, "NodeStageVolume", "Internal"): "0+1x30",
			},
		},
		{
			alert: "GlusterfsCSIHeketiUnavailable", at: "20m", labels: labelled("critical", nil), summary: "A Heketi cannot be used",
			fires: map[string]string{calls(ofController, "CreateVolume", "Unavailable"): "0+1x30"},
			quiet: map[string]string{
				calls(ofController, "CreateVolume", "Unavailable"): "0x5 1x30", calls(ofController, "DeleteVolume", "Aborted"): "0+1x30",
				calls(ofNode, "NodeStageVolume", "Unavailable"): "0+1x30",
			},
		},
		{
			alert: "GlusterfsCSIHeketiUnavailable", at: "180m", labels: labelled("critical", nil), summary: "A Heketi cannot be used",
			fires: map[string]string{calls(ofController, "CreateVolume", "Unavailable"): oneClaimWaits(40)},
			quiet: map[string]string{calls(ofController, "CreateVolume", "Unavailable"): oneClaimWaits(20) + " 20x100"},
		},
		{
			alert: "GlusterfsCSIHeketiUnauthenticated", at: "10m", summary: "The Heketi of backend main refuses the driver's key",
			labels: labelled("critical", map[string]string{"backend": "main"}),
			fires:  map[string]string{controllerMetric(refusals, `,backend="main"`): "1x5 2x30", controllerMetric(refusals, `,backend="other"`): "3x35"},
			quiet:  map[string]string{controllerMetric(refusals, `,backend="main"`): "4x30", refusals + "{" + ofOther + `,backend="main"}`: "0+1x30"},
		},
		{
			alert: "GlusterfsCSIControllerCallsFail", at: "15m", summary: "DeleteVolume keeps failing",
			labels: labelled("warning", map[string]string{"grpc_method": "DeleteVolume"}),
			fires:  map[string]string{calls(ofController, "DeleteVolume", "Internal"): "0+1x30"},
			quiet: map[string]string{
				calls(ofController, "DeleteVolume", "DeadlineExceeded"): "0+1x30", calls(ofController, "CreateVolume", "Internal"): "0x5 1x30",
				calls(ofController, "ControllerGetVolume", "Internal"): "0+1x30",
			},
		},
		{
			alert: "GlusterfsCSIControllerCallsFail", at: "184m", summary: "CreateVolume keeps failing",
			labels: labelled("warning", map[string]string{"grpc_method": "CreateVolume"}),
			fires:  map[string]string{calls(ofController, "CreateVolume", "FailedPrecondition"): oneClaimWaits(40)},
			quiet:  map[string]string{calls(ofController, "CreateVolume", "FailedPrecondition"): oneClaimWaits(20) + " 20x100"},
		},
		{
			alert: "GlusterfsCSINoRoom", at: "20m", labels: labelled("warning", nil), summary: "Volumes do not fit any more",
			fires: map[string]string{calls(ofController, "ControllerExpandVolume", "OutOfRange"): "1x10 2x30"},
			quiet: map[string]string{calls(ofController, "CreateVolume", "ResourceExhausted"): "5x60", calls(ofController, "CreateVolume", "OutOfRange"): "0+1x30"},
		},
		{
			alert: "GlusterfsCSIHeketiOutcomeUnknown", at: "60m", summary: "The backend production keeps losing operations",
			labels: labelled("warning", map[string]string{"backend": "production"}),
			fires:  map[string]string{operations("create", "unknown"): "0x10 1x10 2x10 3x60", operations("delete", "unknown"): "0x10 1x60"},
			quiet:  map[string]string{operations("create", "unknown"): "0x10 1x60", operations("create", "refused"): "0+1x90"},
		},
		{
			alert: "GlusterfsCSIHeketiSlow", at: "60m", labels: labelled("warning", map[string]string{"backend": "production"}),
			summary: "Operations wait for minutes until the backend production takes them",
			fires:   map[string]string{queued("102.4"): "0x90", queued("204.8"): "0+1x90", queued("+Inf"): "0+1x90"},
			quiet:   map[string]string{queued("102.4"): "0+1x90", queued("204.8"): "0+1x90", queued("+Inf"): "0+1x90"},
		},
		{
			alert: "GlusterfsCSIOrphans", at: "90m", summary: "The backend production and Kubernetes differ: 2 times volume-without-pv",
			labels: labelled("info", map[string]string{"backend": "production", "kind": "volume-without-pv"}),
			fires:  map[string]string{controllerMetric("glusterfs_csi_orphans", `,backend="production",kind="volume-without-pv"`): "2x120"},
			quiet:  map[string]string{controllerMetric("glusterfs_csi_orphans", `,backend="production",kind="volume-without-pv"`): "2x45 0x120"},
		},
		{ // with controller.reportOrphans: 6h
			alert: "GlusterfsCSIOrphansUnknown", every: "10m", at: "13h", labels: labelled("warning", map[string]string{"backend": "production"}),
			summary: "The backend production could not be compared with Kubernetes for two intervals of controller.reportOrphans",
			fires:   map[string]string{controllerMetric("glusterfs_csi_orphans_last_success_timestamp_seconds", `,backend="production"`): "600x90"},
			quiet:   map[string]string{controllerMetric("glusterfs_csi_orphans_last_success_timestamp_seconds", `,backend="production"`): "600x37 22800x90"},
		},
	}
}

func operations(operation, outcome string) string {
	return controllerMetric("glusterfs_csi_heketi_operation_duration_seconds_count", fmt.Sprintf(`,backend="production",operation=%q,outcome=%q`, operation, outcome))
}

func queued(le string) string {
	return controllerMetric("glusterfs_csi_heketi_operation_queue_seconds_bucket", fmt.Sprintf(`,backend="production",operation="create",le=%q`, le))
}

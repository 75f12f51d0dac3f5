{{/* The alerts of the PrometheusRule. docs/alerts.md has a section for each alert, and the alert's annotation runbook_url names the section.
     [[ and ]] become {{ and }}, for the templates of Prometheus. test/chart/alertcases_test.go has series for which each alert fires, and
     others for which it does not. */}}
{{- define "glusterfs-csi.alerts" -}}
{{- $pods := printf "namespace=%q,container=\"glusterfs-csi\",pod=~\"%s-(controller|node)-.+\"" .Release.Namespace (include "glusterfs-csi.fullname" .) }}
{{- $controller := printf "namespace=%q,container=\"glusterfs-csi\",pod=\"%s-0\"" .Release.Namespace (include "glusterfs-csi.controller" .) }}
{{- $node := printf "namespace=%q,container=\"glusterfs-csi\",pod=~\"%s-.+\"" .Release.Namespace (include "glusterfs-csi.node" .) }}
- name: glusterfs-csi-plugins
  rules:
    - alert: GlusterfsCSIPluginDown
      expr: up{ {{- $pods -}} } == 0
      for: 10m
      labels: {severity: warning}
      annotations:
        summary: "[[ $labels.pod ]] does not answer Prometheus"
        description: "Prometheus has not been able to read the metrics of [[ $labels.pod ]] for 10 minutes. Mounted volumes keep working."
    # The metric is of kube-state-metrics; without it, this alert never fires.
    - alert: GlusterfsCSINodePluginMissing
      expr: >-
        kube_daemonset_status_desired_number_scheduled{namespace={{ .Release.Namespace | quote }},daemonset=~"{{ include "glusterfs-csi.node" . }}.*"}
        - kube_daemonset_status_number_ready{namespace={{ .Release.Namespace | quote }},daemonset=~"{{ include "glusterfs-csi.node" . }}.*"} > 0
      for: 15m
      labels: {severity: warning}
      annotations:
        summary: "[[ $value ]] nodes have no node plugin that is ready"
        description: "Pods with GlusterFS volumes cannot start or end on these nodes. Volumes that are mounted there keep working, but are not repaired."
    {{- if .Values.backends }}
    - alert: GlusterfsCSIControllerMissing
      expr: absent(up{ {{- $controller -}} } == 1)
      for: 10m
      # An absent series has no labels.
      labels: {severity: critical, namespace: {{ .Release.Namespace | quote }}}
      annotations:
        summary: The controller does not run
        description: "No volume is made, grown or deleted. Volumes that exist are mounted as usual."
    {{- end }}
    - alert: GlusterfsCSIPluginRestarts
      expr: changes(process_start_time_seconds{ {{- $pods -}} }[1h]) > 2
      labels: {severity: warning}
      annotations:
        summary: "[[ $labels.pod ]] keeps restarting"
        description: "The driver's process in [[ $labels.pod ]] has been started [[ $value ]] times in an hour."
- name: glusterfs-csi-mounts
  rules:
    {{- if .Values.node.healMounts }}
    - alert: GlusterfsCSIMountsNotRepaired
      expr: max by (namespace, pod, node) (glusterfs_csi_node_unrepaired_mounts{ {{- $node -}} }) > 0
      for: 5m
      labels: {severity: critical}
      annotations:
        summary: "[[ $value ]] mount(s) could not be repaired by [[ $labels.pod ]]"
        description: "Containers on this node have mounts that fail or are missing. Events (MountNotHealed) on their pods name the mounts."
    - alert: GlusterfsCSIClientNotReplaced
      expr: glusterfs_csi_node_volumes_without_client{ {{- $node -}} } > 0
      for: 5m
      labels: {severity: critical}
      annotations:
        summary: "[[ $value ]] volume(s) on the node of [[ $labels.pod ]] have no GlusterFS client: it has ended and was not replaced"
        description: "These volumes fail with \"Transport endpoint is not connected\" in all containers of the node."
    {{- end }}
    - alert: GlusterfsCSIClientsEnd
      expr: increase(glusterfs_csi_node_client_deaths_total{ {{- $node -}} }[1h]) > 2
      labels: {severity: warning}
      annotations:
        summary: "GlusterFS clients keep ending on the node of [[ $labels.pod ]]"
        description: "[[ $value | humanize ]] clients ended within an hour while their volumes were in use. Each time, open files fail."
    - alert: GlusterfsCSIClientsHang
      expr: increase(glusterfs_csi_node_hung_clients_total{ {{- $node -}} }[1h]) > 0
      labels: {severity: warning}
      annotations:
        summary: "GlusterFS clients hang on the node of [[ $labels.pod ]]"
        description: "[[ $value | humanize ]] clients did not answer although they needed no brick for the answer. They were ended and replaced; open files fail."
    {{- if ne .Values.client.placement "pod" }}
    - alert: GlusterfsCSIClientsInPod
      # The first metric is about new clients. Clients that were started in the pod stay there.
      expr: >-
        max by (namespace, pod, node) (glusterfs_csi_node_clients_in_pod{ {{- $node -}} }
        or glusterfs_csi_node_clients{ {{- $node -}} ,placement="pod"}) > 0
      for: 15m
      labels: {severity: warning}
      annotations:
        summary: "GlusterFS clients run in the pod [[ $labels.pod ]]"
        description: "The volumes of these clients are disconnected when the pod ends, with an upgrade for example."
    {{- end }}
    - alert: GlusterfsCSIOldClients
      # Each node plugin compares with its own files: nodes with another architecture or image have other versions.
      expr: sum by (namespace) (glusterfs_csi_node_old_clients{ {{- $node -}} }) > 0
      for: 14d
      labels: {severity: info}
      annotations:
        summary: "GlusterFS clients of another version than the node plugins' have been running for two weeks; now there are [[ $value ]]"
        description: "A client keeps its version until its volume is unmounted from the node. Fixes in the client reach a volume only then."
    - alert: GlusterfsCSILeftovers
      expr: glusterfs_csi_node_leftovers{ {{- $node -}} } > 0
      for: 1h
      labels: {severity: info}
      annotations:
        summary: "[[ $labels.pod ]] could not remove [[ $value ]] files or directories"
        description: "Earlier node plugins of this node left them behind. They take room."
    - alert: GlusterfsCSINodeCallsFail
      expr: >-
        sum by (namespace, pod, node, grpc_method) (increase(grpc_server_handled_total{ {{- $node -}} ,grpc_service="csi.v1.Node",
        grpc_method!="NodeGetVolumeStats",grpc_code=~"Internal|Unknown|Unavailable|DeadlineExceeded"}[15m])) > 3
      labels: {severity: warning}
      annotations:
        summary: "[[ $labels.grpc_method ]] keeps failing on the node of [[ $labels.pod ]]"
        description: "[[ $value | humanize ]] calls failed within 15 minutes. Pods with GlusterFS volumes do not start or do not end on this node."
{{- if .Values.backends }}
- name: glusterfs-csi-heketi
  rules:
    - alert: GlusterfsCSIHeketiUnavailable
      # If one claim waits, the sidecars repeat its call every five minutes; the call itself takes up to a minute.
      expr: sum by (namespace) (increase(grpc_server_handled_total{ {{- $controller -}} ,grpc_service="csi.v1.Controller",grpc_code="Unavailable"}[20m])) > 2
      for: 5m
      labels: {severity: critical}
      annotations:
        summary: A Heketi cannot be used
        description: "It does not answer, or it has another database than before. No volume is made, grown or deleted there; volumes that exist are mounted as usual."
    - alert: GlusterfsCSIHeketiUnauthenticated
      expr: sum by (namespace, backend) (increase(glusterfs_csi_heketi_login_refusals_total{ {{- $controller -}} }[15m])) > 0
      labels: {severity: critical}
      annotations:
        summary: "The Heketi of backend [[ $labels.backend ]] refuses the driver's key"
        description: "No volume is made, grown or deleted there; volumes that exist are mounted as usual."
    - alert: GlusterfsCSIControllerCallsFail
      expr: >-
        sum by (namespace, grpc_method) (increase(grpc_server_handled_total{ {{- $controller -}} ,grpc_service="csi.v1.Controller",
        grpc_method=~"CreateVolume|DeleteVolume|ControllerExpandVolume",grpc_code=~"Internal|Unknown|FailedPrecondition"}[20m])) > 2
      labels: {severity: warning}
      annotations:
        summary: "[[ $labels.grpc_method ]] keeps failing"
        description: "[[ $value | humanize ]] calls failed within 20 minutes. Events on the claims have the reason."
    - alert: GlusterfsCSINoRoom
      expr: >-
        sum by (namespace) (increase(grpc_server_handled_total{ {{- $controller -}} ,grpc_service="csi.v1.Controller",
        grpc_method="CreateVolume",grpc_code="ResourceExhausted"}[30m])
        or increase(grpc_server_handled_total{ {{- $controller -}} ,grpc_service="csi.v1.Controller",
        grpc_method="ControllerExpandVolume",grpc_code="OutOfRange"}[30m])) > 0
      labels: {severity: warning}
      annotations:
        summary: Volumes do not fit any more
        description: "A Heketi has no room for a volume, or for the growth of one. Events on the claims say how large a volume would still fit."
    - alert: GlusterfsCSIHeketiOutcomeUnknown
      expr: sum by (namespace, backend) (increase(glusterfs_csi_heketi_operation_duration_seconds_count{ {{- $controller -}} ,outcome="unknown"}[1h])) > 2
      labels: {severity: warning}
      annotations:
        summary: "The backend [[ $labels.backend ]] keeps losing operations"
        description: "The results of [[ $value | humanize ]] operations within an hour are unknown: Heketi was restarted, or the connection to it was interrupted."
    - alert: GlusterfsCSIHeketiSlow
      expr: >-
        histogram_quantile(0.9, sum by (namespace, backend, le)
        (rate(glusterfs_csi_heketi_operation_queue_seconds_bucket{ {{- $controller -}} }[15m]))) > 120
      for: 15m
      labels: {severity: warning}
      annotations:
        summary: "Operations wait for minutes until the backend [[ $labels.backend ]] takes them"
        description: "One in ten operations waits longer than [[ $value | humanizeDuration ]] for one of the backend's maxInFlight slots."
    {{- with .Values.controller.reportOrphans }}
    - alert: GlusterfsCSIOrphans
      expr: sum by (namespace, backend, kind) (glusterfs_csi_orphans{ {{- $controller -}} }) > 0
      for: 1h
      labels: {severity: info}
      annotations:
        summary: "The backend [[ $labels.backend ]] and Kubernetes differ: [[ $value ]] times [[ $labels.kind ]]"
        description: "Volumes without a PersistentVolume take room, or PersistentVolumes have lost their volumes."
    - alert: GlusterfsCSIOrphansUnknown
      expr: time() - max by (namespace, backend) (glusterfs_csi_orphans_last_success_timestamp_seconds{ {{- $controller -}} }) > 2 * {{ include "glusterfs-csi.seconds" . }}
      for: 30m
      labels: {severity: warning}
      annotations:
        summary: "The backend [[ $labels.backend ]] could not be compared with Kubernetes for two intervals of controller.reportOrphans"
        description: "The backend or the API server does not answer, or the driver's account may not list PersistentVolumes."
    {{- end }}
{{- end }}
{{- end -}}

{{/* A duration such as 1h30m in seconds. */}}
{{- define "glusterfs-csi.seconds" -}}
{{- $zero := toDate "2006" "2000" -}}
{{ sub (mustDateModify . $zero | unixEpoch | int64) ($zero | unixEpoch | int64) }}
{{- end -}}

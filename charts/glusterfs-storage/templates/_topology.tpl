{{/* The topology as Heketi's own tools read it. Only after checkTopologyJSON. */}}
{{- define "glusterfs-storage.topology" -}}
{{- if .Values.topologyJSON -}}
{{ .Values.topologyJSON | trim }}
{{- else -}}
{{- $nodes := list -}}
{{- range .Values.nodes -}}
{{- $hostnames := dict "manage" (list .name) "storage" (list .address) -}}
{{- $nodes = append $nodes (dict "node" (dict "hostnames" $hostnames "zone" (int (.zone | default 1))) "devices" .devices) -}}
{{- end -}}
{{ dict "clusters" (list (dict "nodes" $nodes)) | toPrettyJson }}
{{- end -}}
{{- end -}}

{{/* The topology's nodes as {"nodes": [{cluster, field, names, addresses, devices}]}, in JSON. field is where the node stands in the values. */}}
{{- define "glusterfs-storage.nodes" -}}
{{- $nodes := list -}}
{{- $prefix := ternary "topologyJSON: clusters[%d].nodes[%d]" "nodes[%[2]d]" (not (empty .Values.topologyJSON)) -}}
{{- range $c, $cluster := (include "glusterfs-storage.topology" . | fromJson).clusters -}}
{{- range $n, $node := $cluster.nodes -}}
{{- $devices := list -}}
{{- range $node.devices -}}
{{- $device := . -}}
{{- if kindIs "map" . -}}{{- $device = .name -}}{{- end -}}
{{- $devices = append $devices $device -}}
{{- end -}}
{{- $nodes = append $nodes (dict "cluster" $c "field" (printf $prefix $c $n) "names" $node.node.hostnames.manage
      "addresses" $node.node.hostnames.storage "devices" $devices) -}}
{{- end -}}
{{- end -}}
{{ dict "nodes" $nodes | toJson }}
{{- end -}}

{{/* The servers that the PersistentVolume of Heketi's database names, separated by commas. Kubernetes refuses a change of them, so that those
     of a PersistentVolume that exists remain, whatever nodes have come since. */}}
{{- define "glusterfs-storage.databaseServers" -}}
{{- $pv := lookup "v1" "PersistentVolume" "" (include "glusterfs-storage.databasePV" .) -}}
{{- $kept := dig "spec" "csi" "volumeAttributes" "servers" "" $pv -}}
{{- if $kept -}}
{{ $kept }}
{{- else if .Values.heketi.database.servers -}}
{{ join "," .Values.heketi.database.servers }}
{{- else -}}
{{- $servers := list -}}
{{- range (include "glusterfs-storage.nodes" . | fromJson).nodes -}}
{{- $servers = append $servers (first .addresses) -}}
{{- end -}}
{{ join "," $servers }}
{{- end -}}
{{- end -}}

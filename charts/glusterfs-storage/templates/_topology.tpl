{{/* The topology in the format of Heketi's own tools. Call it only after checkTopologyJSON. */}}
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

{{/* The topology's nodes as {"nodes": [{cluster, field, nameField, addressField, names, addresses, devices}]}, in JSON. The fields are the paths of
     the node, its names and its addresses in the values. */}}
{{- define "glusterfs-storage.nodes" -}}
{{- $nodes := list -}}
{{- $json := not (empty .Values.topologyJSON) -}}
{{- $prefix := ternary "topologyJSON: clusters[%d].nodes[%d]" "nodes[%[2]d]" $json -}}
{{- range $c, $cluster := (include "glusterfs-storage.topology" . | fromJson).clusters -}}
{{- range $n, $node := $cluster.nodes -}}
{{- $devices := list -}}
{{- range $node.devices -}}
{{- $device := . -}}
{{- if kindIs "map" . -}}{{- $device = .name -}}{{- end -}}
{{- $devices = append $devices $device -}}
{{- end -}}
{{- $field := printf $prefix $c $n -}}
{{- $nodes = append $nodes (dict "cluster" $c "field" $field "nameField" (print $field (ternary ".node.hostnames.manage" ".name" $json))
      "addressField" (print $field (ternary ".node.hostnames.storage" ".address" $json))
      "names" $node.node.hostnames.manage "addresses" $node.node.hostnames.storage "devices" $devices) -}}
{{- end -}}
{{- end -}}
{{ dict "nodes" $nodes | toJson }}
{{- end -}}

{{/* The volume handle of Heketi's database. The driver and the kubelet have one mount for each handle on a node, so a second release
     in the cluster needs another handle. An existing PersistentVolume keeps its handle, because Kubernetes refuses to change it. */}}
{{- define "glusterfs-storage.databaseHandle" -}}
{{- $name := include "glusterfs-storage.databasePV" . -}}
{{ lookup "v1" "PersistentVolume" "" $name | dig "spec" "csi" "volumeHandle" $name }}
{{- end -}}

{{/* The servers in the PersistentVolume of Heketi's database, separated by commas. Kubernetes refuses to change them, so an
     existing PersistentVolume keeps its servers, even if nodes were added since. */}}
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

{{/* Whether topologyJSON has the form of a topology, which the other checks rely on: pkg/heketi/topology. */}}
{{- define "glusterfs-storage.checkTopologyJSON" -}}
{{- $topology := fromJson .Values.topologyJSON -}}
{{- if hasKey $topology "Error" -}}
{{- fail (printf "topologyJSON: %s; pass the content of a topology.json, with --set-file topologyJSON=topology.json" $topology.Error) -}}
{{- end -}}
{{- include "glusterfs-storage.checkList" (list "topologyJSON: clusters" $topology.clusters "{\"clusters\": [{\"nodes\": []}]}") -}}
{{- range $c, $cluster := $topology.clusters -}}
{{- $field := printf "topologyJSON: clusters[%d]" $c -}}
{{- include "glusterfs-storage.checkMap" (list $field $cluster "{\"nodes\": []}") -}}
{{- include "glusterfs-storage.checkList" (list (printf "%s.nodes" $field) $cluster.nodes "{\"node\": {}, \"devices\": []}") -}}
{{- range $n, $node := $cluster.nodes -}}
{{- include "glusterfs-storage.checkNodeJSON" (list (printf "%s.nodes[%d]" $field $n) $node) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field node). */}}
{{- define "glusterfs-storage.checkNodeJSON" -}}
{{- $field := index . 0 -}}
{{- $node := index . 1 -}}
{{- $example := "{\"node\": {\"hostnames\": {\"manage\": [\"node1\"], \"storage\": [\"10.0.0.1\"]}, \"zone\": 1}, \"devices\": [\"/dev/sdb\"]}" -}}
{{- include "glusterfs-storage.checkMap" (list $field $node $example) -}}
{{- include "glusterfs-storage.checkMap" (list (printf "%s.node" $field) $node.node $example) -}}
{{- include "glusterfs-storage.checkMap" (list (printf "%s.node.hostnames" $field) $node.node.hostnames $example) -}}
{{- range list "manage" "storage" -}}
{{- $path := printf "%s.node.hostnames.%s" $field . -}}
{{- $hosts := get $node.node.hostnames . -}}
{{- include "glusterfs-storage.checkList" (list $path $hosts $example) -}}
{{- range $hosts -}}
{{- if not (kindIs "string" .) -}}
{{- fail (printf "%s: this must be a list of names or addresses, as in %s" $path $example) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $zone := $node.node.zone -}}
{{- if not (and (kindIs "float64" $zone) (ge ($zone | default 0 | int) 1) (eq ($zone | default 0 | int | float64) ($zone | default 0 | float64))) -}}
{{- fail (printf "%s.node.zone: this must be a whole number from 1, as in %s" $field $example) -}}
{{- end -}}
{{- if and $node.devices (not (kindIs "slice" $node.devices)) -}}
{{- fail (printf "%s.devices: this must be a list, as in %s" $field $example) -}}
{{- end -}}
{{- range $i, $device := $node.devices -}}
{{- $name := $device -}}
{{- if kindIs "map" $device -}}{{- $name = get $device "name" -}}{{- end -}}
{{- if not (and (kindIs "string" $name) $name) -}}
{{- fail (printf "%s.devices[%d]: this must be a path or an object with a name, as in \"/dev/sdb\" or {\"name\": \"/dev/sdb\"}" $field $i) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field value example). */}}
{{- define "glusterfs-storage.checkMap" -}}
{{- if not (kindIs "map" (index . 1)) -}}
{{- fail (printf "%s: this must be an object, as in %s" (index . 0) (index . 2)) -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field value example). An empty list is refused, too. */}}
{{- define "glusterfs-storage.checkList" -}}
{{- if not (and (kindIs "slice" (index . 1)) (index . 1)) -}}
{{- fail (printf "%s: this must be a list, and not empty, as in %s" (index . 0) (index . 2)) -}}
{{- end -}}
{{- end -}}

{{/* Refuses a topologyJSON that does not have the form of a topology. The other checks rely on this form. The rules are those of
     pkg/heketi/topology; test/chart compares both. */}}
{{- define "glusterfs-storage.checkTopologyJSON" -}}
{{- $topology := fromJson .Values.topologyJSON -}}
{{- if hasKey $topology "Error" -}}
{{- fail (printf "topologyJSON: %s; pass the content of a topology.json, with --set-file topologyJSON=topology.json" $topology.Error) -}}
{{- end -}}
{{- include "glusterfs-storage.checkFields" (list "topologyJSON" $topology (list "clusters")) -}}
{{- include "glusterfs-storage.checkList" (list "topologyJSON: clusters" $topology.clusters "{\"clusters\": [{\"nodes\": []}]}") -}}
{{- range $c, $cluster := $topology.clusters -}}
{{- $field := printf "topologyJSON: clusters[%d]" $c -}}
{{- include "glusterfs-storage.checkMap" (list $field $cluster "{\"nodes\": []}") -}}
{{- include "glusterfs-storage.checkFields" (list $field $cluster (list "nodes" "file" "block")) -}}
{{- include "glusterfs-storage.checkFlags" (list $field $cluster (list "file" "block")) -}}
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
{{- include "glusterfs-storage.checkFields" (list $field $node (list "node" "devices")) -}}
{{- include "glusterfs-storage.checkFields" (list (printf "%s.node" $field) $node.node (list "hostnames" "zone" "tags")) -}}
{{- include "glusterfs-storage.checkFields" (list (printf "%s.node.hostnames" $field) $node.node.hostnames (list "manage" "storage")) -}}
{{- include "glusterfs-storage.checkTags" (list (printf "%s.node" $field) $node.node) -}}
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
{{- if and (hasKey $node "devices") (not (kindIs "slice" $node.devices)) -}}
{{- fail (printf "%s.devices: this must be a list, as in %s" $field $example) -}}
{{- end -}}
{{- range $i, $device := $node.devices -}}
{{- $name := $device -}}
{{- if kindIs "map" $device -}}
{{- $name = get $device "name" -}}
{{- $path := printf "%s.devices[%d]" $field $i -}}
{{- include "glusterfs-storage.checkFields" (list $path $device (list "name" "destroydata" "tags")) -}}
{{- include "glusterfs-storage.checkFlags" (list $path $device (list "destroydata")) -}}
{{- include "glusterfs-storage.checkTags" (list $path $device) -}}
{{- end -}}
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

{{/* Call with (list field map allowed). Names with a leading underscore are comments. The setup Job accepts other letter cases, too. */}}
{{- define "glusterfs-storage.checkFields" -}}
{{- $field := index . 0 -}}
{{- $allowed := index . 2 -}}
{{- range $name, $_ := index . 1 -}}
{{- if not (or (has $name $allowed) (hasPrefix "_" $name)) -}}
{{- fail (printf "%s: unknown field %q; allowed are %s" $field $name (join ", " $allowed)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field map names). */}}
{{- define "glusterfs-storage.checkFlags" -}}
{{- $field := index . 0 -}}
{{- $map := index . 1 -}}
{{- range index . 2 -}}
{{- if and (hasKey $map .) (not (kindIs "bool" (get $map .))) -}}
{{- fail (printf "%s.%s: this must be true or false, without quotes" $field .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field map). */}}
{{- define "glusterfs-storage.checkTags" -}}
{{- $field := printf "%s.tags" (index . 0) -}}
{{- if hasKey (index . 1) "tags" -}}
{{- $tags := get (index . 1) "tags" -}}
{{- include "glusterfs-storage.checkMap" (list $field $tags "{\"rack\": \"a\"}") -}}
{{- range $name, $text := $tags -}}
{{- if not (hasPrefix "_" $name) -}}
{{- if not (kindIs "string" $text) -}}
{{- fail (printf "%s.%s: this must be text, in quotes" $field $name) -}}
{{- end -}}
{{- if not (and (regexMatch "^[A-Za-z0-9_.-]{1,32}$" $name) (regexMatch "^(?s:.{0,64})$" $text)) -}}
{{- fail (printf "%s: tag %q: a name has 1 to 32 letters, digits, dots, hyphens and underscores, a value at most 64 characters" $field $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

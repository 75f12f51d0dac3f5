{{/* Checks of values that the driver would refuse only after the installation, in the log of a pod that does not start or at a claim. JSON
     Schema cannot express them, or not with a clear error; the other checks are in values.schema.json. */}}

{{/* Backends with which the controller would not start: pkg/heketi, LoadConfig. */}}
{{- define "glusterfs-csi.checkBackends" -}}
{{- $names := dict -}}
{{- $urls := dict -}}
{{- range $i, $backend := .Values.backends -}}
{{- $field := printf "backends[%d]" $i -}}
{{- $given := include "glusterfs-csi.url" (list $ .) -}}
{{- if not (regexMatch "^(?i:https?)://([^][/?#@:\\s]+|\\[[^][/?#@\\s]+\\])(:[0-9]*)?/*$" $given) -}}
{{- fail (printf "%s.url: %s must look like http://host:8080 or https://host:8080, without path, query or credentials"
      $field (include "glusterfs-csi.shownURL" $given)) -}}
{{- end -}}
{{- with get $names .name -}}
{{- fail (printf "%s.name: %q is the name of %s, too; each backend needs its own" $field $backend.name .) -}}
{{- end -}}
{{- $url := include "glusterfs-csi.normalURL" $given -}}
{{- with get $urls $url -}}
{{- fail (printf "%s.url: %q is the address of %s, too; list each Heketi once" $field $given .) -}}
{{- end -}}
{{- if and .key .existingSecret -}}
{{- fail (printf "%s: %q has both key and existingSecret, but Heketi has one admin key; leave one of them out" $field .name) -}}
{{- end -}}
{{- $_ := set $names .name $field -}}
{{- $_ := set $urls $url $field -}}
{{- end -}}
{{- end -}}

{{/* Normalizes a URL, so that two spellings of one address are equal (pkg/volume, NormalizeURL). */}}
{{- define "glusterfs-csi.normalURL" -}}
{{- $url := regexReplaceAll "/+$" (lower .) "" -}}
{{- $url = regexReplaceAll "^(http://.*):80$" $url "${1}" -}}
{{- regexReplaceAll "^(https://.*):443$" $url "${1}" -}}
{{- end -}}

{{/* A password in a URL stays out of the error. */}}
{{- define "glusterfs-csi.shownURL" -}}
{{ ternary "(not shown, since it may hold a password)" (quote .) (contains "@" .) }}
{{- end -}}

{{/* helm forgets earlier values as soon as an upgrade sets any: without backends, the controller would be removed unnoticed. In helm
     template, lookup finds nothing, so a rendering that is applied by other means is not refused. */}}
{{- define "glusterfs-csi.checkControllerStays" -}}
{{- if and .Release.IsUpgrade (not .Values.backends) -}}
{{- $name := include "glusterfs-csi.controller" . -}}
{{- if lookup "apps/v1" "StatefulSet" .Release.Namespace $name -}}
{{- fail (printf (print "backends is empty, so that this upgrade would remove the controller, without which no volume is made, grown or "
      "deleted. helm forgets the values of the last upgrade: name all of them again, as in --values my-values.yaml. "
      "If the controller is to go, delete it first: kubectl -n %s delete statefulset %s") .Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A roll-out from a version whose clients end with the node plugin's pods would disconnect all volumes of the cluster, a tenth of the
     nodes at a time. The check counts pods, besides reading the DaemonSet's template: during a replacement by hand, some pods still have that version. */}}
{{- define "glusterfs-csi.checkClientsStay" -}}
{{- if and .Release.IsUpgrade (ne .Values.client.placement "pod") (ne .Values.node.updateStrategy.type "OnDelete") -}}
{{- range prepend .Values.node.groups dict -}}
{{- $name := printf "%s-%s" (include "glusterfs-csi.fullname" $) (include "glusterfs-csi.nodeComponent" .) -}}
{{- with lookup "apps/v1" "DaemonSet" $.Release.Namespace $name -}}
{{- $onNode := false -}}
{{- range .spec.template.spec.containers -}}
{{- if has "--client-placement=node" (default list .args) -}}{{- $onNode = true -}}{{- end -}}
{{- end -}}
{{- if not $onNode -}}
{{- fail (print "the clients of the version that runs now end with the node plugins' pods, so that this upgrade would disconnect the volumes of all "
      "running pods. Upgrade with --set node.updateStrategy.type=OnDelete,node.updateStrategy.rollingUpdate=null, then replace the node "
      "plugins node by node, after a drain; from then on they are replaced without that (docs/upgrade.md)") -}}
{{- end -}}
{{- $updated := int (default 0 .status.updatedNumberScheduled) -}}
{{- $desired := int (default 0 .status.desiredNumberScheduled) -}}
{{- if and (eq .spec.updateStrategy.type "OnDelete") (lt $updated $desired) -}}
{{- fail (printf (print "%d of %d node plugins are still of an earlier version. If their clients end with their pods, this upgrade would disconnect the "
      "volumes of running pods on these nodes. Replace these node plugins first, node by node (docs/upgrade.md), or add "
      "--set node.updateStrategy.type=OnDelete,node.updateStrategy.rollingUpdate=null") (sub $desired $updated) $desired) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Durations that are too short for the driver or a sidecar: cmd/glusterfs-csi, --report-orphans and --publish-capacity. */}}
{{- define "glusterfs-csi.checkDurations" -}}
{{- with .Values.controller.reportOrphans -}}
{{- include "glusterfs-csi.checkDuration" (list "controller.reportOrphans" . "10m" "as in 6h, or \"\" for never") -}}
{{- end -}}
{{- if .Values.storageCapacity.enabled -}}
{{- include "glusterfs-csi.checkDuration" (list "storageCapacity.pollInterval" .Values.storageCapacity.pollInterval "1s"
      "as in 5m") -}}
{{- end -}}
{{- if not (regexMatch "^0[smh]?$" .Values.node.hungClientLimit) -}}
{{- include "glusterfs-csi.checkDuration" (list "node.hungClientLimit" .Values.node.hungClientLimit "10s" "as in 2m, or 0 for never") -}}
{{- end -}}
{{- include "glusterfs-csi.checkDuration" (list "provisioner.timeout" .Values.provisioner.timeout "1s" "as in 5m") -}}
{{- include "glusterfs-csi.checkDuration" (list "resizer.timeout" .Values.resizer.timeout "1s" "as in 5m") -}}
{{- end -}}

{{/* A memory limit with which no node plugin would start: cmd/glusterfs-csi, --client-memory-limit. */}}
{{- define "glusterfs-csi.checkMemory" -}}
{{- with .Values.client.memoryLimit -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $bytes := mul $number (get (dict "Mi" 1048576 "Gi" 1073741824 "M" 1000000 "G" 1000000000) (regexFind "[A-Z]i?$" .)) -}}
{{- if lt $bytes 67108864 -}}
{{- fail (printf "client.memoryLimit: %s is too little for a client; write at least 64Mi, as in 512Mi" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Call with (list value's-name duration least advice). */}}
{{- define "glusterfs-csi.checkDuration" -}}
{{- $zero := toDate "2006" "2000" -}}
{{- if lt (mustDateModify (index . 1) $zero | unixEpoch | int64) (mustDateModify (index . 2) $zero | unixEpoch | int64) -}}
{{- fail (printf "%s: %s is too short; write at least %s, %s" (index . 0) (index . 1) (index . 2) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{/* Two servers on one port of the node: Kubernetes accepts that, but the node plugin would not start. */}}
{{- define "glusterfs-csi.checkPorts" -}}
{{- if and .Values.metrics.enabled (eq (int .Values.node.metricsPort) (int .Values.node.healthPort)) -}}
{{- fail (printf "node.metricsPort: %d is node.healthPort, too; choose another" (int .Values.node.metricsPort)) -}}
{{- end -}}
{{- end -}}

{{/* Objects that need metrics, while metrics are off. */}}
{{- define "glusterfs-csi.checkMetrics" -}}
{{- if and .Values.metrics.prometheusRule.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics.prometheusRule.enabled: the alerts need metrics; set metrics.enabled to true, too" -}}
{{- end -}}
{{- if and .Values.metrics.dashboard.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics.dashboard.enabled: the dashboard needs metrics; set metrics.enabled to true, too" -}}
{{- end -}}
{{- end -}}

{{/* Refuses a group of nodes with the name of another group, with nodes that are all in another group, or with nodes that node.nodeSelector
     excludes. */}}
{{- define "glusterfs-csi.checkGroups" -}}
{{- $names := dict -}}
{{- $labels := dict -}}
{{- $all := merge (deepCopy .Values.node.nodeSelector) (dict "kubernetes.io/os" "linux") -}}
{{- range $i, $group := .Values.node.groups -}}
{{- $field := printf "node.groups[%d]" $i -}}
{{- with get $names .name -}}
{{- fail (printf "%s.name: %q is the name of %s, too; each group needs its own" $field $group.name .) -}}
{{- end -}}
{{- range $key, $value := .nodeSelector -}}
{{- $label := printf "%s=%s" $key $value -}}
{{- if and (hasKey $all $key) (ne (get $all $key) $value) -}}
{{- fail (printf "%s.nodeSelector: %s contradicts %s=%s, which all node plugins need (node.nodeSelector); select others" $field $label $key (get $all $key)) -}}
{{- end -}}
{{- with get $labels $label -}}
{{- fail (printf "%s.nodeSelector: %s selects the nodes of %s, too; select others" $field $label .) -}}
{{- end -}}
{{- $_ := set $labels $label $field -}}
{{- end -}}
{{- $_ := set $names .name $field -}}
{{- end -}}
{{- end -}}

{{/* Classes with which the driver would make no volume. The driver checks the parameters' values when it makes a volume. */}}
{{- define "glusterfs-csi.checkClasses" -}}
{{- if and .Values.storageClasses (not .Values.backends) -}}
{{- fail "storageClasses: nothing can make their volumes, since backends is empty; list a Heketi there" -}}
{{- end -}}
{{- $defaults := list -}}
{{- range $i, $class := .Values.storageClasses -}}
{{- if .default -}}
{{- $defaults = append $defaults .name -}}
{{- end -}}
{{- $field := printf "storageClasses[%d] (%s).parameters" $i .name -}}
{{- include "glusterfs-csi.checkParameters" (list $field .parameters $) -}}
{{- end -}}
{{- if gt (len $defaults) 1 -}}
{{- fail (printf "storageClasses: %s are all marked as default; mark one" (join " and " $defaults)) -}}
{{- end -}}
{{- end -}}

{{/* Call with (list field parameters .). Letter case does not matter in names of parameters. */}}
{{- define "glusterfs-csi.checkParameters" -}}
{{- $field := index . 0 -}}
{{- $known := include "glusterfs-csi.parameterNames" . | splitList " " -}}
{{- $given := dict -}}
{{- range $key, $value := index . 1 -}}
{{- if not (hasPrefix "csi.storage.k8s.io/" $key) -}}
{{- $name := lower $key -}}
{{- if not (has $name (join " " $known | lower | splitList " ")) -}}
{{- $near := list -}}
{{- range $known -}}
{{- if hasPrefix (trunc 4 $name) (lower .) -}}
{{- $near = append $near . -}}
{{- end -}}
{{- end -}}
{{- fail (printf "%s: %q is not a known parameter; %sdocs/parameters.md lists all of them" $field $key
      (ternary (printf "did you mean %s? " (join " or " $near)) "" (gt (len $near) 0))) -}}
{{- end -}}
{{- if hasKey $given $name -}}
{{- fail (printf "%s: %q is given twice, in different letter case" $field $key) -}}
{{- end -}}
{{- $_ := set $given $name $value -}}
{{- end -}}
{{- end -}}
{{- include "glusterfs-csi.checkChoice" (list $field $given (index . 2)) -}}
{{- end -}}

{{/* All parameters of pkg/volume (docs/parameters.md), as test/chart checks. */}}
{{- define "glusterfs-csi.parameterNames" -}}
arbiter averageFileSize backend clusterid customEpNamePrefix deviceTagMatch gidMax gidMin profile restauthenabled resturl restuser
{{- " restuserkey secretName secretNamespace snapfactor volumenameprefix volumeoptions volumetype zoneChecking" -}}
{{- end -}}

{{/* A class selects one of several Heketis by name or address (pkg/heketi, Select). User and password in an address are ignored. Call with
     (list field parameters .), with the names of the parameters in lower case. */}}
{{- define "glusterfs-csi.checkChoice" -}}
{{- $field := index . 0 -}}
{{- $given := index . 1 -}}
{{- $root := index . 2 -}}
{{- $names := list -}}
{{- $urls := list -}}
{{- range $root.Values.backends -}}
{{- $names = append $names .name -}}
{{- $urls = append $urls (include "glusterfs-csi.normalURL" (include "glusterfs-csi.url" (list $root .))) -}}
{{- end -}}
{{- if hasKey $given "backend" -}}
{{- if not (has $given.backend $names) -}}
{{- fail (printf "%s: backend: %q is not in backends; there are %s" $field $given.backend (join ", " $names)) -}}
{{- end -}}
{{- else if hasKey $given "resturl" -}}
{{- if not (has (include "glusterfs-csi.normalURL" (regexReplaceAll "//[^/]*@" $given.resturl "//")) $urls) -}}
{{- fail (printf "%s: resturl: %s is the url of no backend; there are %s"
      $field (include "glusterfs-csi.shownURL" $given.resturl) (join ", " $urls)) -}}
{{- end -}}
{{- else if gt (len $names) 1 -}}
{{- fail (printf (print "%s: backend is missing, and there are several: %s. Kubernetes refuses to change the parameters of a class: "
      "if there is a StorageClass of this name, delete it, and helm creates it again; volumes are not affected") $field (join ", " $names)) -}}
{{- end -}}
{{- end -}}

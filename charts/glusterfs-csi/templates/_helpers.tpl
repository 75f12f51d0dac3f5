{{/* The name of the release's objects. It must never change: selectors and StatefulSet names cannot be upgraded. */}}
{{- define "glusterfs-csi.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "glusterfs-csi.controller" -}}{{ include "glusterfs-csi.fullname" . }}-controller{{- end -}}
{{- define "glusterfs-csi.node" -}}{{ include "glusterfs-csi.fullname" . }}-node{{- end -}}

{{/* Labels of objects, not of pods: the chart's version in a pod's labels would restart it at each upgrade. */}}
{{- define "glusterfs-csi.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels by which pods are selected. Call with (list . "controller") or (list . "node"). They must never change. */}}
{{- define "glusterfs-csi.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* An image's reference. Call with (list . image); our own images have the application's version as tag. */}}
{{- define "glusterfs-csi.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Logging flags, the same for the driver and the sidecars. */}}
{{- define "glusterfs-csi.loggingArgs" -}}
- --v={{ .Values.logging.verbosity }}
- --logging-format={{ .Values.logging.format }}
{{- end -}}

{{/* "policy", "controller" or "off": who annotates PersistentVolumes with their group id. */}}
{{- define "glusterfs-csi.gidAnnotation" -}}
{{- if ne .Values.gidAnnotation "auto" -}}
{{ .Values.gidAnnotation }}
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
policy
{{- else -}}
controller
{{- end -}}
{{- end -}}

{{/* Not empty if ValidatingAdmissionPolicies restrict the accounts of controller and node plugin. */}}
{{- define "glusterfs-csi.admissionPolicies" -}}
{{- if and .Values.admissionPolicies (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") -}}
true
{{- end -}}
{{- end -}}

{{/* Group ids that a volume may have. A class's gidMin is at least 2000, because lower ids belong to the system on most nodes. */}}
{{- define "glusterfs-csi.gidPattern" -}}
^([2-9][0-9]{3}|[1-9][0-9]{4,8}|1[0-9]{9}|2[01][0-9]{8})$
{{- end -}}

{{/* Security context of a container that is not root and writes nowhere. */}}
{{- define "glusterfs-csi.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The host part of the addresses of metrics. The brackets may also hold an IPv4 address. */}}
{{- define "glusterfs-csi.metricsHost" -}}
{{- if eq .Values.metrics.address "pod" -}}[$(POD_IP)]{{- end -}}
{{- end -}}

{{/* The variable POD_IP that metricsHost uses. A pod in the node's network has the node's address. */}}
{{- define "glusterfs-csi.metricsEnv" -}}
{{- if and .Values.metrics.enabled (eq .Values.metrics.address "pod") -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}
{{- end -}}

{{/* Annotations of the controller's pod. Without safe-to-evict-local-volumes, the autoscaler keeps the pod's node because of the pod's emptyDirs,
     which serve only the pod's own processes. */}}
{{- define "glusterfs-csi.controllerAnnotations" -}}
{{- $annotations := deepCopy .Values.controller.podAnnotations -}}
{{- if .Values.controller.safeToEvict -}}
{{- $annotations = merge $annotations (dict "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes" "socket,state") -}}
{{- end -}}
{{- toYaml $annotations -}}
{{- end -}}

{{/* The component label of a node plugin, with the name of its group. Call with the group, or with {} for nodes in no group. */}}
{{- define "glusterfs-csi.nodeComponent" -}}
node{{ with .name }}-{{ . }}{{ end }}
{{- end -}}

{{/* The affinity of the node plugins of a group: a node belongs to the first group that selects it, or else to none, so that no node gets two
     node plugins. Call with (list . i): 0 is for all nodes that are in no group, i for the i-th group. */}}
{{- define "glusterfs-csi.nodeAffinity" -}}
{{- $root := index . 0 -}}
{{- $i := index . 1 -}}
{{- $affinity := deepCopy $root.Values.node.affinity -}}
{{- $others := list -}}
{{- range $number, $group := $root.Values.node.groups -}}
{{- if or (eq $i 0) (lt $number (sub $i 1 | int)) -}}
{{- range $key, $value := $group.nodeSelector -}}
{{- $others = append $others (dict "key" $key "operator" "NotIn" "values" (list $value)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $others -}}
{{- $node := default dict $affinity.nodeAffinity -}}
{{- $required := default (dict "nodeSelectorTerms" (list dict)) $node.requiredDuringSchedulingIgnoredDuringExecution -}}
{{- range $required.nodeSelectorTerms -}}
{{- $_ := set . "matchExpressions" (concat (default list .matchExpressions) $others) -}}
{{- end -}}
{{- $_ := set $node "requiredDuringSchedulingIgnoredDuringExecution" $required -}}
{{- $_ := set $affinity "nodeAffinity" $node -}}
{{- end -}}
{{- toYaml $affinity -}}
{{- end -}}

{{/* Probes that check only the process itself. */}}
{{- define "glusterfs-csi.healthGet" -}}
path: /healthz
port: health
{{- end -}}

{{/* Not empty if a backend's key is among the values, and so needs a Secret of the chart. */}}
{{- define "glusterfs-csi.hasKeys" -}}
{{- range .Values.backends }}{{ if .key }}true{{ end }}{{ end -}}
{{- end -}}

{{/* The controller holds no state, so a restart costs little. A restart does not make an unreachable Heketi reachable, so the probes do not check Heketi. */}}
{{- define "glusterfs-csi.controllerProbes" -}}
startupProbe:
  httpGet:
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet:
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}

{{/* On the node's loopback address: with hostNetwork, no other machine can reach it. */}}
{{- define "glusterfs-csi.nodeProbes" -}}
startupProbe:
  httpGet:
    host: 127.0.0.1
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 1
  failureThreshold: 300
readinessProbe:
  httpGet:
    host: 127.0.0.1
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- if .Values.node.livenessProbe }}
livenessProbe:
  httpGet:
    host: 127.0.0.1
    {{- include "glusterfs-csi.healthGet" . | nindent 4 }}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 10
{{- end }}
{{- end -}}

{{/* A backend's URL, which may be a template, because the values of a chart that contains this chart cannot name the release's namespace. A URL
     with a password is refused later. It is not rendered here, because helm would print the password in the error of an invalid template. Call
     with (list . backend). */}}
{{- define "glusterfs-csi.url" -}}
{{- $url := (index . 1).url -}}
{{- if and (contains "{{" $url) (not (contains "@" $url)) -}}
{{- tpl $url (index . 0) -}}
{{- else -}}
{{- $url -}}
{{- end -}}
{{- end -}}

{{/* Not empty for a URL without TLS whose host is not a loopback address. */}}
{{- define "glusterfs-csi.isPlainHTTP" -}}
{{- if and (hasPrefix "http://" (lower .)) (not (regexMatch "^http://(localhost|127\\.[0-9.]+|\\[::1\\])(:[0-9]*)?/*$" (lower .))) -}}
true
{{- end -}}
{{- end -}}

{{/* The ports of the backends' URLs, separated by commas. */}}
{{- define "glusterfs-csi.heketiPorts" -}}
{{- $ports := list -}}
{{- range .Values.backends -}}
{{- $url := urlParse (include "glusterfs-csi.url" (list $ .)) -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- $ports = append $ports ($port | default (ternary "443" "80" (eq ($url.scheme | lower) "https"))) -}}
{{- end -}}
{{- join "," $ports -}}
{{- end -}}

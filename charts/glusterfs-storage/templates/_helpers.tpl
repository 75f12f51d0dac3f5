{{/* Labels of objects, not of pods: the chart's version in a pod's labels would restart it at each upgrade. */}}
{{- define "glusterfs-storage.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels by which pods are selected. Call with (list . component). They must never change. */}}
{{- define "glusterfs-storage.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* An image's reference. Call with (list . image). */}}
{{- define "glusterfs-storage.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Logging flags, the same for all commands of glusterfs-storage. */}}
{{- define "glusterfs-storage.loggingArgs" -}}
- --v={{ .Values.logging.verbosity }}
- --logging-format={{ .Values.logging.format }}
{{- end -}}

{{/* The name of the CSI driver. A driver that was installed separately has no values here. */}}
{{- define "glusterfs-storage.driverName" -}}
{{ dig "driverName" "glusterfs.csi.gluster.org" (index .Values "glusterfs-csi") }}
{{- end -}}

{{/* Name of the PersistentVolume of Heketi's database. PersistentVolumes have no namespace. */}}
{{- define "glusterfs-storage.databasePV" -}}
{{ .Release.Namespace }}-heketidbstorage
{{- end -}}

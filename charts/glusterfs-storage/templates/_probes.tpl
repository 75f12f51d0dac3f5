{{/* On the node's loopback address. Only readiness depends on glusterd, peers and self-heal: a restart of the container would end the
     bricks, which serve even without glusterd. */}}
{{- define "glusterfs-storage.glusterProbes" -}}
startupProbe:
  httpGet: {host: 127.0.0.1, path: /healthz, port: health}
  periodSeconds: 1
  failureThreshold: 300
readinessProbe:
  httpGet: {host: 127.0.0.1, path: /readyz, port: health}
  periodSeconds: 10
  timeoutSeconds: 10
livenessProbe:
  httpGet: {host: 127.0.0.1, path: /healthz, port: health}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 10
{{- end -}}

{{/* Heketi answers /hello without a key. */}}
{{- define "glusterfs-storage.heketiGet" -}}
httpGet: {path: /hello, port: http, scheme: {{ include "glusterfs-storage.scheme" . | upper }}}
{{- end -}}

{{- define "glusterfs-storage.heketiProbes" -}}
startupProbe:
  {{- include "glusterfs-storage.heketiGet" . | nindent 2 }}
  periodSeconds: 1
  failureThreshold: 120
readinessProbe:
  {{- include "glusterfs-storage.heketiGet" . | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
livenessProbe:
  {{- include "glusterfs-storage.heketiGet" . | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end -}}

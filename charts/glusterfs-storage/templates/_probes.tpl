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

{{/* Heketi answers /hello also when it cannot change its database until it is started again: after its volume was mounted again, and
     when it has opened its database only for reading. The liveness probe notices both, besides a Heketi that does not answer. It asks
     the kernel about Heketi's open files, and neither the volume nor its bricks: those may be away for any time. A restart interrupts
     the operations of Heketi, so one slow answer on a busy node is not enough; each probe is a new process, so there are few. */}}
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
  exec:
    command:
      - /glusterfs-storage
      - probe
      - --heketi-url={{ include "glusterfs-storage.scheme" . }}://localhost:8080
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 3
{{- end -}}

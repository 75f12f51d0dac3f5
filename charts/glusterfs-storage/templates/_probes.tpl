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

{{/* In two cases Heketi cannot change its database until it is started again, but still answers /hello: after its volume was mounted again,
     and after it has opened its database only for reading. The liveness probe fails in both cases, and if Heketi does not answer. The
     probe reads the kernel's list of Heketi's open files. It uses neither the volume nor the bricks, which may be offline for any time. A
     restart interrupts the operations of Heketi, so one slow answer on a busy node is not enough. Each probe is a new process, so probes
     are rare. */}}
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

{{/* Fields that the pods of Heketi, its setup and its backup share. */}}
{{- define "glusterfs-storage.heketiPod" -}}
priorityClassName: {{ .Values.heketi.priorityClassName }}
# fsGroup is the group of the gluster volume that holds the database.
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.heketi.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
nodeSelector:
  {{- toYaml (merge (deepCopy .Values.heketi.nodeSelector) (dict "kubernetes.io/os" "linux")) | nindent 2 }}
{{- with .Values.heketi.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.heketi.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Security context of a container that is not root and writes only in its volumes. */}}
{{- define "glusterfs-storage.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "glusterfs-storage.keysSecret" -}}
{{ .Values.heketi.existingSecret | default "heketi-keys" }}
{{- end -}}

{{/* Heketi's keys, in the environment: its configuration is a ConfigMap, which must not hold them. */}}
{{- define "glusterfs-storage.keysEnv" -}}
- name: HEKETI_ADMIN_KEY
  valueFrom: {secretKeyRef: {name: {{ include "glusterfs-storage.keysSecret" . }}, key: admin}}
- name: HEKETI_USER_KEY
  valueFrom: {secretKeyRef: {name: {{ include "glusterfs-storage.keysSecret" . }}, key: user}}
{{- if .Values.heketi.tls.existingSecret }}
# The authorities that Heketi's clients trust, including heketi-cli. Clients of the Kubernetes API have separate ones.
- name: SSL_CERT_FILE
  value: /etc/heketi-tls/ca.crt
{{- end }}
{{- end -}}

{{/* How Heketi reaches the servers: by exec in the DaemonSet's pod on the node. The fstab is a file in these pods. */}}
{{- define "glusterfs-storage.executorEnv" -}}
- {name: HEKETI_EXECUTOR, value: kubernetes}
- {name: HEKETI_KUBE_GLUSTER_DAEMONSET, value: "y"}
- {name: HEKETI_FSTAB, value: /var/lib/heketi/fstab}
{{- end -}}

{{- define "glusterfs-storage.scheme" -}}
{{ ternary "https" "http" (not (empty .Values.heketi.tls.existingSecret)) }}
{{- end -}}

{{/* Heketi's URL for other pods. Its host is a name, as in the driver's values: an IPv6 address would need brackets, and a certificate needs a name. */}}
{{- define "glusterfs-storage.heketiURL" -}}
{{ include "glusterfs-storage.scheme" . }}://heketi.{{ .Release.Namespace }}.svc:8080
{{- end -}}

{{/* Configuration and certificate, as mounts and as volumes of a pod. */}}
{{- define "glusterfs-storage.configMounts" -}}
- {name: config, mountPath: /etc/heketi, readOnly: true}
{{- with include "glusterfs-storage.tlsMount" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "glusterfs-storage.tlsMount" -}}
{{- if .Values.heketi.tls.existingSecret -}}
- {name: tls, mountPath: /etc/heketi-tls, readOnly: true}
{{- end -}}
{{- end -}}

{{- define "glusterfs-storage.configVolumes" -}}
- name: config
  projected:
    sources:
      - configMap: {name: heketi-config}
      - configMap: {name: heketi-topology}
{{- with include "glusterfs-storage.tlsVolume" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "glusterfs-storage.tlsVolume" -}}
{{- with .Values.heketi.tls.existingSecret -}}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end -}}
{{- end -}}

{{/* heketi.json. Heketi requires fields for its keys, but reads the keys from the environment. Heketi's cleaner is off: a minute
after each start, it would undo the operations that are unfinished in the database. In a database that was restored from a backup, the
volume of such an operation may be in use by now. The driver cleans up after its own requests. By default, Heketi gives up a command of
gluster after ten minutes. That is too short for add-brick, which waits for the hook S10keep-directories.sh. The hook walks through all
directories of the bricks. Heketi would remove the new bricks, although glusterd may still add them. */}}
{{- define "glusterfs-storage.heketiConfig" -}}
{{- $tls := not (empty .Values.heketi.tls.existingSecret) -}}
{{- $key := dict "key" "" -}}
{{- $glusterfs := merge (dict "executor" "kubernetes" "db" "/var/lib/heketi/heketi.db" "loglevel" .Values.heketi.logLevel
      "auto_create_block_hosting_volume" false "disable_background_cleaner" true "kubeexec" (dict "gluster_cli_timeout" (int .Values.heketi.glusterTimeout))) .Values.heketi.config -}}
{{- $config := dict "port" "8080" "use_auth" .Values.heketi.auth "jwt" (dict "admin" $key "user" $key) "glusterfs" $glusterfs -}}
{{- if $tls -}}
{{- $config = merge $config (dict "enable_tls" true "cert_file" "/etc/heketi-tls/tls.crt" "key_file" "/etc/heketi-tls/tls.key") -}}
{{- end -}}
{{ toPrettyJson $config }}
{{- end -}}

{{/* The Job's name. It changes with the revision, the topology and the pod, since Kubernetes refuses to change a Job. */}}
{{- define "glusterfs-storage.setupName" -}}
setup-{{ print (include "glusterfs-storage.topology" .) .Release.Revision (include "glusterfs-storage.setupPod" .) | sha256sum | trunc 8 }}
{{- end -}}

{{- define "glusterfs-storage.setupPod" -}}
metadata:
  labels:
    {{- include "glusterfs-storage.selectorLabels" (list . "setup") | nindent 4 }}
spec:
  serviceAccountName: storage-setup
  # With OnFailure, Kubernetes would delete the pod of a failed Job, and with it the log that has the reason.
  restartPolicy: Never
  {{- include "glusterfs-storage.heketiPod" . | nindent 2 }}
  containers:
    - name: setup
      image: {{ include "glusterfs-storage.image" (list . .Values.heketi.image) }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      command: [/glusterfs-storage]
      # kubectl describe pod shows the end of the log.
      terminationMessagePolicy: FallbackToLogsOnError
      args:
        - setup
        - --topology=/etc/heketi/topology.json
        - --config=/etc/heketi/heketi.json
        - --heketi-url={{ include "glusterfs-storage.heketiURL" . }}
        - --namespace={{ .Release.Namespace }}
        - {{ include "glusterfs-storage.nodeLabelArg" . }}
        - --database-volume=heketidbstorage
        - --database-size=2
        - --database-replica=3
        - --claim=heketi-db
        {{- include "glusterfs-storage.loggingArgs" . | nindent 8 }}
      env:
        # For the temporary Heketi that creates the database's volume.
        {{- include "glusterfs-storage.executorEnv" . | nindent 8 }}
        {{- include "glusterfs-storage.keysEnv" . | nindent 8 }}
      securityContext:
        {{- include "glusterfs-storage.restricted" . | nindent 8 }}
      {{- with .Values.setup.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: db, mountPath: /var/lib/heketi}
        {{- include "glusterfs-storage.configMounts" . | nindent 8 }}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: db
      emptyDir: {sizeLimit: 256Mi}
    {{- include "glusterfs-storage.configVolumes" . | nindent 4 }}
    - name: tmp
      emptyDir: {sizeLimit: 256Mi}
{{- end -}}

{{/* The label of storage nodes, as a flag. */}}
{{- define "glusterfs-storage.nodeLabelArg" -}}
{{- $label := keys .Values.gluster.nodeSelector | sortAlpha | first -}}
{{ printf "--node-label=%s=%s" $label (get .Values.gluster.nodeSelector $label) | quote }}
{{- end -}}

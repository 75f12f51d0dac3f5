{{- define "glusterfs-storage.teardownPod" -}}
metadata:
  labels:
    {{- include "glusterfs-storage.selectorLabels" (list . "teardown") | nindent 4 }}
spec:
  serviceAccountName: storage-teardown
  # With OnFailure, Kubernetes would delete the pod of a failed Job, and with it the log that has the reason.
  restartPolicy: Never
  {{- include "glusterfs-storage.heketiPod" . | nindent 2 }}
  containers:
    - name: teardown
      image: {{ include "glusterfs-storage.image" (list . .Values.heketi.image) }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      command: [/glusterfs-storage]
      # kubectl describe pod shows the end of the log.
      terminationMessagePolicy: FallbackToLogsOnError
      args:
        - teardown
        - --pod=$(POD_NAME)
        - --config=/etc/heketi/heketi.json
        - --heketi-url={{ include "glusterfs-storage.heketiURL" . }}
        - --namespace={{ .Release.Namespace }}
        - --release={{ .Release.Name }}
        - {{ include "glusterfs-storage.nodeLabelArg" . }}
        - --node-directories={{ values .Values.gluster.hostPaths | sortAlpha | join "," }}
        - --database-volume=heketidbstorage
        - --claim=heketi-db
        {{- include "glusterfs-storage.loggingArgs" . | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        # For the temporary Heketi that deletes the database's volume.
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

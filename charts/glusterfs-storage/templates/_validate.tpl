{{/* Checks of values that the setup Job, Heketi or the driver would refuse only after the installation. JSON Schema cannot express them, or not
     with a clear error; the other checks are in values.schema.json. */}}

{{/* The topology as a whole. The setup Job checks whether Kubernetes has nodes with these names. */}}
{{- define "glusterfs-storage.checkTopology" -}}
{{- if and .Values.nodes .Values.topologyJSON -}}
{{- fail "nodes, topologyJSON: both are set, but there is one topology; leave one of them out" -}}
{{- end -}}
{{- if not (or .Values.nodes .Values.topologyJSON) -}}
{{- fail (print "nodes: no storage node is listed; list each as {name: node1, address: 10.0.0.1, devices: [/dev/sdb]}, or pass a file with "
      "--set-file topologyJSON=topology.json. helm forgets the values of the last upgrade: name all of them again, as in --values my-values.yaml") -}}
{{- end -}}
{{- if .Values.topologyJSON -}}
{{- include "glusterfs-storage.checkTopologyJSON" . -}}
{{- end -}}
{{- $names := dict -}}
{{- $addresses := dict -}}
{{- range $node := (include "glusterfs-storage.nodes" . | fromJson).nodes -}}
{{- include "glusterfs-storage.checkNode" . -}}
{{- range $name := .names -}}
{{- include "glusterfs-storage.checkOnce" (list $names $node.field $name "name" "list each node once, with all its devices") -}}
{{- end -}}
{{- range $address := .addresses -}}
{{- include "glusterfs-storage.checkOnce" (list $addresses $node.field $address "address" "each node needs its own") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuses a name that another field has. Call with (list seen field name kind remedy). The dict seen maps each name, in lower case, to its field. */}}
{{- define "glusterfs-storage.checkOnce" -}}
{{- $seen := index . 0 -}}
{{- $field := index . 1 -}}
{{- $key := lower (index . 2) -}}
{{- $first := get $seen $key -}}
{{- if and $first (ne $first $field) -}}
{{- fail (printf "%s: %q is the %s of %s, too; %s" $field (index . 2) (index . 3) $first (index . 4)) -}}
{{- end -}}
{{- $_ := set $seen $key $field -}}
{{- end -}}

{{/* One node, from either form of the topology. The rules are those of pkg/heketi/topology; test/chart compares both. */}}
{{- define "glusterfs-storage.checkNode" -}}
{{- $node := . -}}
{{- range .names -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" .) -}}
{{- fail (printf "%s: %q is not the name of a Kubernetes node, which has small letters, digits, '-' and '.', as in node1; kubectl get nodes shows the names" $node.nameField .) -}}
{{- end -}}
{{- end -}}
{{- range .addresses -}}
{{- include "glusterfs-storage.checkAddress" (list $node.addressField .) -}}
{{- end -}}
{{- $devices := dict -}}
{{- range .devices -}}
{{- $path := clean . -}}
{{- if not (and (regexMatch "^/dev/[a-zA-Z0-9_.:/-]{1,250}$" .) (regexMatch "^/dev/." $path)) -}}
{{- fail (printf "%s: %q is not the path of a device; write it as in /dev/sdb" $node.field .) -}}
{{- end -}}
{{- if hasKey $devices $path -}}
{{- fail (printf "%s: the device %q is listed twice; list each once" $node.field .) -}}
{{- end -}}
{{- $_ := set $devices $path true -}}
{{- end -}}
{{- end -}}

{{/* The address of a storage node. Call with (list field address). */}}
{{- define "glusterfs-storage.checkAddress" -}}
{{- $field := index . 0 -}}
{{- $address := index . 1 -}}
{{- if not (or (regexMatch "^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$" $address) (regexMatch "^[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*$" $address)) -}}
{{- fail (printf (print "%s: %q is neither an IP address nor a host name; write the one address by which gluster servers and clients reach the node, without a port, "
      "as in 10.0.0.1 or node1.example.org") $field $address) -}}
{{- end -}}
{{- if regexMatch "^(?i:127\\..*|localhost|0\\.0\\.0\\.0|[0:]*:[0:]*1?)$" $address -}}
{{- fail (printf "%s: %q is the loopback address, by which no other node reaches this one; write an address of the network" $field $address) -}}
{{- end -}}
{{- end -}}

{{/* The bricks of one file are on different nodes of one cluster. If there are fewer nodes than bricks, Heketi finds no room, however large the
     devices are. */}}
{{- define "glusterfs-storage.checkCopies" -}}
{{- $counts := dict -}}
{{- range (include "glusterfs-storage.nodes" . | fromJson).nodes -}}
{{- if .devices -}}
{{- $cluster := toString .cluster -}}
{{- $_ := set $counts $cluster (add1 (get $counts $cluster | default 0)) -}}
{{- end -}}
{{- end -}}
{{- $most := 0 -}}
{{- range $counts -}}{{- $most = max $most . -}}{{- end -}}
{{- $field := ternary "topologyJSON" "nodes" (not (empty .Values.topologyJSON)) -}}
{{- if lt (int $most) 3 -}}
{{- fail (printf "%s: Heketi's database is kept on 3 nodes, but only %d of one cluster have devices; list at least 3" $field $most) -}}
{{- end -}}
{{- $driver := index .Values "glusterfs-csi" -}}
{{- if and $driver.enabled (le (len $driver.backends) 1) -}}
{{- range $i, $class := $driver.storageClasses -}}
{{- $need := include "glusterfs-storage.nodesForClass" $class | int -}}
{{- if gt $need (int $most) -}}
{{- fail (printf "glusterfs-csi.storageClasses[%d] (%s): its volumetype needs %d nodes of one cluster, but %s has only %d with devices; list more of them, or choose another volumetype (docs/parameters.md)"
      $i .name $need $field $most) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How many nodes the volumes of a class need: docs/parameters.md. The driver refuses unknown volumetypes. */}}
{{- define "glusterfs-storage.nodesForClass" -}}
{{- $type := "replicate:3" -}}
{{- range $key, $value := .parameters -}}
{{- if and (eq (lower $key) "volumetype") $value -}}{{- $type = $value -}}{{- end -}}
{{- end -}}
{{- $parts := splitList ":" $type -}}
{{- $counts := rest $parts -}}
{{- if eq (first $parts) "replicate" -}}
{{ first $counts | default 3 }}
{{- else if eq (first $parts) "disperse" -}}
{{- $counts = $counts | default (list 4 2) -}}
{{ add (first $counts) (index (append $counts 0) 1) }}
{{- else -}}
1
{{- end -}}
{{- end -}}

{{/* Compares the driver's values with those of this chart. A list in the values replaces the whole default, so fields can be missing. */}}
{{- define "glusterfs-storage.checkDriver" -}}
{{- $driver := index .Values "glusterfs-csi" -}}
{{- if $driver.enabled -}}
{{- $hosts := list "heketi" (printf "heketi.%s" .Release.Namespace) (printf "heketi.%s.svc" .Release.Namespace) -}}
{{- with .Values.heketi.service.clusterIP -}}{{- $hosts = append $hosts . -}}{{- end -}}
{{- range $i, $backend := $driver.backends -}}
{{- $field := printf "glusterfs-csi.backends[%d]" $i -}}
{{- $url := urlParse (include "glusterfs-csi.url" (list $ .) | lower) -}}
{{- $host := trimPrefix "[" $url.hostname | trimSuffix "]" -}}
{{- if or (has $host $hosts) (hasPrefix (printf "heketi.%s.svc." $.Release.Namespace) $host) -}}
{{- $scheme := include "glusterfs-storage.scheme" $ -}}
{{- if ne $url.scheme $scheme -}}
{{- fail (printf "%s.url: Heketi speaks %s, since heketi.tls.existingSecret is %q; write %s://%s" $field (upper $scheme)
      $.Values.heketi.tls.existingSecret $scheme $url.host) -}}
{{- end -}}
{{- $secret := include "glusterfs-storage.keysSecret" $ -}}
{{- if and .existingSecret (ne (dig "existingSecret" "name" "" .) $secret) -}}
{{- fail (printf "%s.existingSecret.name: %q is not the Secret with Heketi's keys; write existingSecret: {name: %s, key: admin}" $field
      .existingSecret.name $secret) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Addresses for the PersistentVolume of Heketi's database, in place of the nodes' addresses. */}}
{{- define "glusterfs-storage.checkDatabaseServers" -}}
{{- range $i, $address := .Values.heketi.database.servers -}}
{{- include "glusterfs-storage.checkAddress" (list (printf "heketi.database.servers[%d]" $i) $address) -}}
{{- end -}}
{{- end -}}

{{/* Directories of the storage nodes. The kubelet would make a directory at a wrong path, and the servers would start without their volumes. */}}
{{- define "glusterfs-storage.checkHostPaths" -}}
{{- $paths := .Values.gluster.hostPaths | default dict -}}
{{- range list "glusterd" "heketi" "config" "logs" -}}
{{- $path := get $paths . | default "" -}}
{{- if not (regexMatch "^(/[^/ ]+)+$" $path) -}}
{{- fail (printf "gluster.hostPaths.%s: %q is not the absolute path of a directory; write it as in /var/lib/glusterd, without blanks and without a slash at its end" . $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Servers and node plugin use the node's network. Kubernetes accepts two of them on one port, but one would not start. */}}
{{- define "glusterfs-storage.checkPorts" -}}
{{- $driver := index .Values "glusterfs-csi" -}}
{{- if $driver.enabled -}}
{{- $port := int .Values.gluster.healthPort -}}
{{- if eq $port (int $driver.node.healthPort) -}}
{{- fail (printf "gluster.healthPort: %d is glusterfs-csi.node.healthPort, too; choose another" $port) -}}
{{- end -}}
{{- if and $driver.metrics.enabled (eq $port (int $driver.node.metricsPort)) -}}
{{- fail (printf "gluster.healthPort: %d is glusterfs-csi.node.metricsPort, too; choose another" $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuses a NetworkPolicy that excludes every driver: such a driver would only report that Heketi does not answer. */}}
{{- define "glusterfs-storage.checkNetworkPolicy" -}}
{{- $policy := .Values.heketi.networkPolicy -}}
{{- if and $policy.enabled (not $policy.from) (not (index .Values "glusterfs-csi" "enabled")) -}}
{{- fail (print "heketi.networkPolicy.from: it is empty, and the driver is not part of this release, so no driver would reach Heketi; name its controller's pods, as in "
      "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: glusterfs-csi}}}]") -}}
{{- end -}}
{{- end -}}

{{/* Refuses an upgrade that would end several GlusterFS servers at once. In spite of maxUnavailable, Kubernetes deletes these pods at the same
     time: pods on nodes that are no longer selected, pods on nodes whose taints (NoExecute) are no longer tolerated, and pods that are not ready.
     With other directories, servers would start empty, and one after the other would seem ready. In helm template, lookup finds nothing. */}}
{{- define "glusterfs-storage.checkServersStay" -}}
{{- if .Release.IsUpgrade -}}
{{- with lookup "apps/v1" "DaemonSet" .Release.Namespace "glusterfs" -}}
{{- $pod := .spec.template.spec -}}
{{- $labels := merge (deepCopy $.Values.gluster.nodeSelector) (dict "kubernetes.io/os" "linux") -}}
{{- if ne (toJson $pod.nodeSelector) (toJson $labels) -}}
{{- fail (printf (print "gluster.nodeSelector: the servers run on nodes with %s, and not %s; this upgrade would end those on all other nodes at once. helm forgets the values of the "
      "last upgrade: name all of them again, as in --values my-values.yaml. To change the labels, label the nodes first, then: "
      "kubectl -n %s delete daemonset glusterfs --cascade=orphan") (toJson $pod.nodeSelector) (toJson $labels) $.Release.Namespace) -}}
{{- end -}}
{{- $required := dig "affinity" "nodeAffinity" "requiredDuringSchedulingIgnoredDuringExecution" dict $pod -}}
{{- $given := dig "nodeAffinity" "requiredDuringSchedulingIgnoredDuringExecution" dict ($.Values.gluster.affinity | default dict) -}}
{{- if ne (toJson $required) (toJson $given) -}}
{{- fail (printf (print "gluster.affinity: the servers run on nodes with the affinity %s, and not %s; this upgrade would end those on all other nodes at once. helm forgets the "
      "values of the last upgrade: name all of them again, as in --values my-values.yaml. To change the affinity, check first that each node with a server has the new one, then: "
      "kubectl -n %s delete daemonset glusterfs --cascade=orphan") (toJson $required) (toJson $given) $.Release.Namespace) -}}
{{- end -}}
{{- $tolerated := list -}}
{{- range $.Values.gluster.tolerations -}}{{- $tolerated = append $tolerated (toJson .) -}}{{- end -}}
{{- range $pod.tolerations -}}
{{- if not (or (has (toJson .) $tolerated) (has `{"operator":"Exists"}` $tolerated)) -}}
{{- fail (printf (print "gluster.tolerations: the servers tolerate %s, and %s lacks it; this upgrade would end the servers on all nodes with such a taint (NoExecute) at once. helm "
      "forgets the values of the last upgrade: name all of them again, as in --values my-values.yaml. If no node with a server has such a taint: "
      "kubectl -n %s delete daemonset glusterfs --cascade=orphan") (toJson .) (toJson $.Values.gluster.tolerations) $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- range $pod.volumes -}}
{{- $given := get $.Values.gluster.hostPaths .name -}}
{{- if and .hostPath $given (ne .hostPath.path $given) -}}
{{- fail (printf (print "gluster.hostPaths.%s: the servers use %s, and not %s; they would start without their volumes. helm forgets the values of the last upgrade: "
      "name all of them again, as in --values my-values.yaml") .name .hostPath.path $given) -}}
{{- end -}}
{{- end -}}
{{- if eq $.Values.gluster.updateStrategy "RollingUpdate" -}}
{{- include "glusterfs-storage.checkServersReady" $ -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A rolling upgrade ends all pods that are not ready at once. A pod whose container has never run serves nothing. Before 1.30.6, Kubernetes also
     ends a ready pod at the same time (kubernetes#123232). There, one pod that is not ready is too many, whether it has run or not. */}}
{{- define "glusterfs-storage.checkServersReady" -}}
{{- $early := semverCompare "<1.30.6-0" .Capabilities.KubeVersion.Version -}}
{{- $away := 0 -}}
{{- range (lookup "v1" "Pod" .Release.Namespace "").items -}}
{{- if eq (dig "metadata" "labels" "glusterfs-node" "" .) "pod" -}}
{{- $ready := false -}}
{{- range .status.conditions -}}
{{- if and (eq .type "Ready") (eq .status "True") -}}{{- $ready = true -}}{{- end -}}
{{- end -}}
{{- $ran := $early -}}
{{- range .status.containerStatuses -}}
{{- if or .state.running .state.terminated .lastState (int .restartCount) -}}{{- $ran = true -}}{{- end -}}
{{- end -}}
{{- if and $ran (not $ready) -}}{{- $away = add1 $away -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if ge (int $away) (ternary 1 2 $early) -}}
{{- fail (printf (print "%d GlusterFS %s not ready. A rolling upgrade would replace %s at once, although they may serve volumes. Repair this first "
      "(docs/storage-nodes.md), or add --set gluster.updateStrategy=OnDelete and delete the servers' pods one after the other") (int $away)
      (ternary "server is" "servers are" (eq (int $away) 1)) (ternary "another one, too," "all of them" $early)) -}}
{{- end -}}
{{- end -}}

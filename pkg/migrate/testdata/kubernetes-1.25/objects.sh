#!/bin/bash
# Makes, on an empty Kubernetes 1.25, the objects of a cluster that uses kubernetes.io/glusterfs. The in-tree plugin itself makes the
# PersistentVolumes, Endpoints and Services of the claims. README.md lists what must be running. The script writes the objects, and
# the part of Heketi's database that the driver reads, into the directory in its argument.
set -euo pipefail
out=$1
kubectl create namespace shop
kubectl create namespace lab
kubectl -n shop create secret generic heketi-secret --type=kubernetes.io/glusterfs --from-literal=key=lab-admin-key
cluster=$(heketi-cli cluster list --json | jq -r '.clusters[0]')
kubectl apply -f - <<Y
# With the key in plain text, the default class, through kubectl apply.
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: gluster
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/glusterfs
parameters: {resturl: "http://10.43.42.186:8080", restuser: admin, restuserkey: lab-admin-key}
allowVolumeExpansion: true
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gluster-secret}
provisioner: kubernetes.io/glusterfs
parameters:
  resturl: "http://10.43.42.186:8080"
  clusterid: $cluster
  restauthenabled: "true"
  restuser: admin
  secretNamespace: shop
  secretName: heketi-secret
  gidMin: "40000"
  gidMax: "40010"
  volumetype: "replicate:2"
mountOptions: [log-level=INFO, auto_unmount, log-file=/var/log/gluster-pod.log]
allowVolumeExpansion: true
---
# Names in any letter case, no redundancy, the policy Retain.
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gluster-none}
provisioner: kubernetes.io/glusterfs
parameters: {restURL: "http://10.43.42.186:8080", restUser: admin, restUserKey: lab-admin-key, volumeType: none}
reclaimPolicy: Retain
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gluster-named}
provisioner: kubernetes.io/glusterfs
parameters:
  resturl: "http://10.43.42.186:8080"
  restuser: admin
  restuserkey: lab-admin-key
  volumenameprefix: team
  volumeoptions: "performance.nl-cache on, diagnostics.brick-log-level DEBUG"
  customEpNamePrefix: storage
  snapfactor: "1.5"
allowVolumeExpansion: true
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gluster-disperse}
provisioner: kubernetes.io/glusterfs
parameters: {resturl: "http://10.43.42.186:8080", restuser: admin, restuserkey: lab-admin-key, volumetype: "disperse:4:2", customEpNamePrefix: ""}
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gluster-gone}
provisioner: kubernetes.io/glusterfs
parameters: {resturl: "http://10.43.42.186:8080", restuser: admin, restuserkey: lab-admin-key}
Y
claim() { # namespace name class size modes [more of metadata]
	local class="storageClassName: $3,"
	[ "$3" != default ] || class=
	echo "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: $1, name: $2${6:-}}, spec: {$class accessModes: [$5], resources: {requests: {storage: $4}}}}" | kubectl apply -f -
}
echo '{apiVersion: v1, kind: Node, metadata: {name: node1}}' | kubectl apply -f -
claim shop data gluster 5Gi ReadWriteMany ', labels: {app: shop}'
claim shop default-class default 1500Mi ReadWriteMany
claim shop once gluster 1Gi ReadWriteOnce
claim shop read-first gluster 1Gi 'ReadOnlyMany, ReadWriteMany'
claim shop secret-1 gluster-secret 2Gi ReadWriteMany
claim shop secret-2 gluster-secret 2Gi ReadWriteMany
claim shop none gluster-none 3Gi ReadWriteMany
claim shop kept gluster-none 3Gi ReadWriteMany
claim shop named gluster-named 2Gi ReadWriteMany
claim lab  "a-name-of-a-claim-with-more-than-sixty-three-characters-as-some-charts-make" gluster 1Gi ReadWriteMany
# Without a prefix, the Service has the claim's uid as its name, which Kubernetes takes only if it begins with a letter. Of the claim that is
# stuck, there are Endpoints and nothing else.
until claim lab waits gluster-disperse 8Gi ReadWriteMany; [[ $(kubectl -n lab get pvc waits -o jsonpath='{.metadata.uid}') == [a-f]* ]]; do kubectl -n lab delete pvc waits; done
until claim shop stuck gluster-disperse 8Gi ReadWriteMany; [[ $(kubectl -n shop get pvc stuck -o jsonpath='{.metadata.uid}') == [0-9]* ]]; do kubectl -n shop delete pvc stuck; done
kubectl -n lab annotate pvc waits volume.kubernetes.io/selected-node=node1 # as the scheduler does
kubectl -n shop annotate pvc stuck volume.kubernetes.io/selected-node=node1
claim lab failed gluster-gone 1Gi ReadWriteMany
cat <<Y | kubectl apply -f -
apiVersion: apps/v1
kind: StatefulSet
metadata: {namespace: shop, name: db}
spec:
  serviceName: db
  replicas: 2
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: main, image: postgres:14, volumeMounts: [{name: data, mountPath: /var/lib/postgresql}]}]
  volumeClaimTemplates:
    - metadata: {name: data, labels: {app: db}}
      spec: {storageClassName: gluster, accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: shop, name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Pod
metadata: {namespace: lab, name: direct}
spec:
  containers: [{name: main, image: nginx}]
  volumes: [{name: data, glusterfs: {endpoints: glusterfs-cluster, path: archive, readOnly: true}}]
Y
kubectl -n shop wait pvc data default-class once read-first secret-1 secret-2 none kept named --for=jsonpath='{.status.phase}'=Bound --timeout=120s
kubectl -n lab wait pvc --all --for=jsonpath='{.status.phase}'=Bound --timeout=120s
until [ "$(kubectl -n shop get pvc data-db-0 data-db-1 -o 'jsonpath={.items[*].status.phase}')" = "Bound Bound" ]; do sleep 1; done

# An expansion.
kubectl -n shop patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"8Gi"}}}}'
kubectl -n shop wait pvc data --for=jsonpath='{.status.capacity.storage}'=8Gi --timeout=60s
# Released, with the policy Retain.
kubectl -n shop delete pvc kept
# Failed, with the policy Delete: its class is gone.
kubectl delete storageclass gluster-gone
failed=$(kubectl -n lab get pvc failed -o jsonpath='{.spec.volumeName}')
kubectl -n lab delete pvc failed
kubectl wait pv "$failed" --for=jsonpath='{.status.phase}'=Failed --timeout=60s

# Made by hand, as the documentation of Kubernetes showed it.
heketi-cli volume create --size=10 --name=archive >/dev/null
heketi-cli volume create --size=10 --name=projects >/dev/null
cat <<Y | kubectl apply -f -
apiVersion: v1
kind: Endpoints
metadata: {namespace: lab, name: glusterfs-cluster}
subsets: [{addresses: [{ip: 10.0.1.1}, {ip: 10.0.1.2}], ports: [{port: 1}]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: lab, name: glusterfs-cluster}
spec: {ports: [{port: 1}]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: archive, annotations: {pv.beta.kubernetes.io/gid: "1234"}}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadOnlyMany]
  glusterfs: {endpoints: glusterfs-cluster, path: archive, readOnly: true}
  persistentVolumeReclaimPolicy: Retain
---
# Two on one volume, with a path; the first with the policy Delete.
apiVersion: v1
kind: PersistentVolume
metadata: {name: projects-a, labels: {project: a}}
spec:
  capacity: {storage: 4Gi}
  accessModes: [ReadWriteMany]
  glusterfs: {endpoints: glusterfs-cluster, endpointsNamespace: lab, path: /projects/a}
  persistentVolumeReclaimPolicy: Delete
  mountOptions: [backup-volfile-servers=10.0.1.3, direct-io-mode=disable]
---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: projects-b
  labels: {project: b}
  annotations: {volume.beta.kubernetes.io/mount-options: "log-level=DEBUG,noatime"}
spec:
  capacity: {storage: 6Gi}
  accessModes: [ReadWriteMany]
  glusterfs: {endpoints: glusterfs-cluster, endpointsNamespace: lab, path: projects/b}
  persistentVolumeReclaimPolicy: Recycle
  storageClassName: by-hand
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}
---
# Nothing but gluster knows this volume.
apiVersion: v1
kind: PersistentVolume
metadata: {name: scratch}
spec:
  capacity: {storage: 1Ti}
  accessModes: [ReadWriteOnce, ReadWriteMany]
  glusterfs: {endpoints: glusterfs-cluster, endpointsNamespace: lab, path: scratch}
  storageClassName: by-hand
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: lab, name: archive}
spec: {accessModes: [ReadOnlyMany], storageClassName: "", volumeName: archive, resources: {requests: {storage: 10Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: lab, name: projects-a}
spec: {accessModes: [ReadWriteMany], storageClassName: "", selector: {matchLabels: {project: a}}, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: lab, name: projects-b}
spec: {accessModes: [ReadWriteMany], storageClassName: by-hand, volumeName: projects-b, resources: {requests: {storage: 1Gi}}}
Y
kubectl -n lab wait pvc --all --for=jsonpath='{.status.phase}'=Bound --timeout=60s

for kind in persistentvolumes persistentvolumeclaims storageclasses endpoints services pods; do
	kubectl get "$kind" --all-namespaces -o yaml >"$out/$kind.yaml"
done
heketi-cli db dump | jq '{clusterentries, volumeentries, nodeentries}' >"$out/heketi-dump.json"

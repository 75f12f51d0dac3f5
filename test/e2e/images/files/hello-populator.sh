#!/bin/sh
# Stands in for the controller of that name, which the storage suite of Kubernetes deploys: a claim whose dataSourceRef is a Hello gets a
# volume with the file that the Hello describes. The volume is made for another claim, written to by a pod, and then handed over.
set -eu
for arg; do
	case $arg in
	--namespace=*) namespace=${arg#*=} ;;
	--image-name=*) image=${arg#*=} ;;
	esac
done

# The pending claims, one a line.
waiting() {
	/kubectl get pvc --all-namespaces -o jsonpath='{range .items[?(@.spec.dataSourceRef.kind=="Hello")]}{.status.phase} {.metadata.namespace} {.metadata.name} {.metadata.uid} {.spec.dataSourceRef.name} {.spec.storageClassName} {.spec.resources.requests.storage} {.spec.accessModes[0]}{"\n"}{end}' |
		grep ^Pending || true
}

hello() { /kubectl get hellos.hello.example.com -n "$1" "$2" -o "jsonpath={.spec.$3}"; }

# populate NAMESPACE NAME UID HELLO CLASS SIZE MODE
populate() {
	other=populate-$3
	/kubectl create -f - <<-YAML
		apiVersion: v1
		kind: PersistentVolumeClaim
		metadata: {name: $other, namespace: $namespace}
		spec:
		  accessModes: [$7]
		  storageClassName: $5
		  resources: {requests: {storage: $6}}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: $other, namespace: $namespace}
		spec:
		  restartPolicy: Never
		  containers:
		    - name: main
		      image: $image
		      command: [sh, -c, 'echo "\$TEXT" > "/data/\$FILE"']
		      env: [{name: FILE, value: "$(hello "$1" "$4" fileName)"}, {name: TEXT, value: "$(hello "$1" "$4" fileContents)"}]
		      volumeMounts: [{name: data, mountPath: /data}]
		  volumes: [{name: data, persistentVolumeClaim: {claimName: $other}}]
	YAML
	/kubectl wait -n "$namespace" "pod/$other" --for=jsonpath='{.status.phase}'=Succeeded --timeout=5m
	volume=$(/kubectl get pvc -n "$namespace" "$other" -o jsonpath='{.spec.volumeName}')
	/kubectl patch pv "$volume" --type=merge -p "{\"spec\":{\"claimRef\":{\"namespace\":\"$1\",\"name\":\"$2\",\"uid\":\"$3\",\"resourceVersion\":null}}}"
	/kubectl wait -n "$1" "pvc/$2" --for=jsonpath='{.status.phase}'=Bound --timeout=1m
	/kubectl delete -n "$namespace" "pod/$other" "pvc/$other"
}

while :; do
	waiting | while read -r _ claim; do
		# shellcheck disable=SC2086 # words without blanks
		populate $claim </dev/null
	done
	sleep 1
done

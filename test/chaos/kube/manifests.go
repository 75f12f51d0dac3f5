package kube

import "fmt"

const (
	workloadImage = "docker.io/library/chaos-workload:v1"
	busyboxImage  = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
)

// claim returns the manifest of a claim of the default class.
func claim(name string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s, namespace: %s}
spec:
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 1Gi}}
`, name, namespace)
}

// workload returns the manifest of a pod that runs the workload. When the pod is told to end, it may take as long as it needs to
// count its records.
func (r *Rig) workload(p *pod, name, command string) string {
	env, mounts := "[]", ""
	if command == "run" { // a pod that verifies reads the volume's own directories
		env = "[{name: CHAOS_SUBPATH, value: /sub}]"
		mounts = fmt.Sprintf(`        - {name: scratch, mountPath: /volume/%[1]s-scratch}
        - {name: volume, mountPath: /sub, subPath: %[1]s-sub}
`, p.name)
	}
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  nodeSelector: {kubernetes.io/hostname: %[3]s}
  restartPolicy: Never
  terminationGracePeriodSeconds: 1200
  containers:
    - name: workload
      image: %[4]s
      args: [%[5]s, /volume/%[6]s, /statuses/%[6]s]
      securityContext: {readOnlyRootFilesystem: true}
      env: %[10]s
      volumeMounts:
        - {name: volume, mountPath: /volume, mountPropagation: %[7]s}
        - {name: statuses, mountPath: /statuses}
%[11]s  volumes:
    - name: scratch
      emptyDir: {}
    - name: volume
      persistentVolumeClaim: {claimName: %[8]s}
    - name: statuses
      hostPath: {path: %[9]q, type: Directory}
`, name, namespace, p.node, workloadImage, command, p.name, p.propagation, p.claim, r.statuses, env, mounts)
}

// shell returns the manifest of a pod on node1 that runs a command with a claim's volume at /data.
func shell(name, claim, command string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s}
spec:
  nodeSelector: {kubernetes.io/hostname: node1}
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: %s
      command: [sh, -c, %q]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: %s}
`, name, namespace, busyboxImage, command, claim)
}

const idlerName = "idle"

// idler returns the manifest of the pod with the volume whose client hangs.
func idler() string { return shell(idlerName, hung, "sleep 1000000") }

package driver

import (
	"regexp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// The kubelet adds these keys to a volume's context, to name the pod, if podInfoOnMount is set in the CSIDriver object.
const (
	contextPodName      = "csi.storage.k8s.io/pod.name"
	contextPodNamespace = "csi.storage.k8s.io/pod.namespace"
	contextPodUID       = "csi.storage.k8s.io/pod.uid"
)

var (
	podName      = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	podNamespace = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	podUID       = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`) // a static pod's uid is not a UUID
)

// podOf returns the pod that a volume's context names. If the names are missing or invalid it returns an empty Pod and no error:
// only events need the Pod, and the pod itself must start in any case.
func podOf(attributes map[string]string) mount.Pod {
	pod := mount.Pod{Namespace: attributes[contextPodNamespace], Name: attributes[contextPodName], UID: attributes[contextPodUID]}
	if !podName.MatchString(pod.Name) || !podNamespace.MatchString(pod.Namespace) || !podUID.MatchString(pod.UID) {
		return mount.Pod{}
	}
	return pod
}

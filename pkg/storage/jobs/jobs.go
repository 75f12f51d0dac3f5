// Package jobs holds the options and labels that the Jobs of an installation share, and finds the pods of other Jobs that work on
// the same devices. Two such Jobs must not run at once: while Other finds a pod, a setup waits, and a teardown returns an error.
// Other takes no lock and does not see a Job that starts later. That Job itself calls Other at its start.
package jobs

import (
	"context"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Labels of the Jobs' pods and of Heketi's pod.
const (
	Setup    = "app.kubernetes.io/component=setup"
	Teardown = "app.kubernetes.io/component=teardown"
	Heketi   = "app.kubernetes.io/component=heketi"
)

// Lister lists pods; *kube.Client implements it.
type Lister interface {
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
}

// Other returns the name of a pod other than self that has one of the labels and has not ended, or "" if there is none.
func Other(ctx context.Context, from Lister, namespace, self string, labels ...string) (string, error) {
	for _, label := range labels {
		pods, err := from.Pods(ctx, namespace, label)
		if err != nil {
			return "", err
		}
		for _, pod := range pods {
			if !pod.Ended && pod.Name != self {
				return pod.Name, nil
			}
		}
	}
	return "", nil
}

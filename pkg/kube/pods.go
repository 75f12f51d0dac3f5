package kube

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Pod holds the fields of a pod that tell where it runs and whether it is ready.
type Pod struct {
	Name    string
	Node    string // "" until it is scheduled
	Started bool   // all of its containers are running and have passed their startup probes, as reported by the node's kubelet
	Ready   bool
	Why     string // why it is not ready, in Kubernetes' words
	Ended   bool   // all of its containers have ended, and none will be restarted
}

// Pods returns the pods of a namespace whose labels match the selector, such as "app=web,tier".
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]Pod, error) {
	r := c.namespaced("", "pods", namespace, "list pods in namespace "+namespace)
	r.selector = selector
	return listAll(ctx, r, "Pod", func(item unstructured.Unstructured) (Pod, bool, error) {
		pod, err := newPod(item)
		return pod, true, err
	})
}

// podFields holds the fields of core/v1 that are used here; the full types would enlarge the binary.
type podFields struct {
	Spec struct {
		NodeName string `json:"nodeName"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Reason     string `json:"reason"`
		Message    string `json:"message"`
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type containerStatus struct {
	Name         string `json:"name"`
	Ready        bool   `json:"ready"`
	Started      bool   `json:"started"`
	RestartCount int64  `json:"restartCount"`
	State        struct {
		Waiting *struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
	} `json:"state"`
}

func newPod(object unstructured.Unstructured) (Pod, error) {
	var f podFields
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &f); err != nil {
		return Pod{}, fmt.Errorf("pod %s: %w", object.GetName(), err)
	}
	pod := Pod{Name: object.GetName(), Node: f.Spec.NodeName, Ended: f.Status.Phase == "Succeeded" || f.Status.Phase == "Failed"}
	for _, condition := range f.Status.Conditions {
		if condition.Type == "Ready" {
			pod.Ready = condition.Status == "True"
		}
	}
	pod.Started = len(f.Status.ContainerStatuses) > 0 && !pod.Ended
	for _, c := range f.Status.ContainerStatuses {
		pod.Started = pod.Started && c.Started
	}
	if object.GetDeletionTimestamp() != nil {
		pod.Started, pod.Ready, pod.Why = false, false, "it is being deleted"
	}
	if !pod.Ready && pod.Why == "" {
		pod.Why = f.why()
	}
	return pod, nil
}

func (f podFields) why() string {
	for _, c := range append(append([]containerStatus{}, f.Status.InitContainerStatuses...), f.Status.ContainerStatuses...) {
		if w := c.State.Waiting; w != nil && w.Reason != "PodInitializing" {
			return joined(fmt.Sprintf("container %s is waiting: %s", c.Name, w.Reason), w.Message)
		}
	}
	for _, c := range f.Status.ContainerStatuses {
		if !c.Ready && c.RestartCount > 0 {
			return fmt.Sprintf("container %s is not ready; it was restarted %d times", c.Name, c.RestartCount)
		}
	}
	for _, condition := range f.Status.Conditions {
		if condition.Status == "False" && condition.Message != "" && condition.Type != "Ready" {
			return condition.Message
		}
	}
	return joined("its phase is "+f.Status.Phase, strings.TrimSpace(f.Status.Reason+" "+f.Status.Message))
}

func joined(what, more string) string {
	if more == "" {
		return what
	}
	return what + ": " + more
}

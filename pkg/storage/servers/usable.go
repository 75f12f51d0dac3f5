package servers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Lister lists pods; *kube.Client implements it.
type Lister interface {
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
}

// Seen is the state of an installation's servers at one time.
type Seen struct {
	// Usable holds the pods in which commands can be run and glusterd answers. A pod need not be Ready: a server that lacks a
	// brick, or waits for a peer or for self-heal, is usable. The repair of a brick or peer needs such servers.
	Usable Pods

	// Unusable holds, by node, the reason why its pod is not usable.
	Unusable map[string]string
	// Unscheduled is a message about a pod that is not on a node yet; "" if there is none.
	Unscheduled string
}

// FindUsable lists the servers' pods, and asks glusterd in each started one. limit applies to each answer, because an exec into a pod
// on a lost node takes long to fail.
func FindUsable(ctx context.Context, from Lister, runner Runner, namespace string, limit time.Duration) (Seen, error) {
	pods, err := from.Pods(ctx, namespace, PodLabel)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{Usable: Pods{}, Unusable: map[string]string{}}
	answers := make([]error, len(pods))
	var asked sync.WaitGroup
	for i, pod := range pods {
		if pod.Started {
			asked.Go(func() { answers[i] = ask(ctx, runner, pod.Name, limit) })
		}
	}
	asked.Wait()
	for i, pod := range pods {
		switch {
		case pod.Node == "":
			seen.Unscheduled = fmt.Sprintf("pod %s is not on a node yet: %s", pod.Name, pod.Why)
		case !pod.Started:
			seen.Unusable[pod.Node] = fmt.Sprintf("pod %s has not started: %s", pod.Name, pod.Why)
		case answers[i] != nil:
			seen.Unusable[pod.Node] = fmt.Sprintf("glusterd does not answer in pod %s: %v", pod.Name, answers[i])
		default:
			seen.Usable[pod.Node] = pod.Name
		}
	}
	return seen, context.Cause(ctx)
}

func ask(ctx context.Context, runner Runner, pod string, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	_, err := runner.Run(ctx, pod, Container, "gluster", "--mode=script", "pool", "list")
	return err
}

// Why returns the reason why a node has no usable server, or "" if it has one.
func (s Seen) Why(node string) string {
	if _, ok := s.Usable[node]; ok {
		return ""
	}
	if why, ok := s.Unusable[node]; ok {
		return why
	}
	const noPod = "there is no pod of gluster: is the node labelled for it?"
	if s.Unscheduled != "" {
		return noPod + " (" + s.Unscheduled + ")"
	}
	return noPod
}

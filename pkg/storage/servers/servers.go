// Package servers queries the GlusterFS servers of an installation, by commands in their pods. FindUsable finds the pods in which
// commands can be run, and the methods of Pods run commands there. A pod that fails does not hide the others: FindUsable returns
// the reason for each unusable node, Having and Bricks try the next pod, and Volumes returns the volumes of the other servers
// together with an error.
package servers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// PodLabel is the label by which Heketi finds the servers' pods (heketi: pkg/remoteexec/kube, KubeGlusterFSPodLabelKey).
	PodLabel = "glusterfs-node"
	// Container is the container of such a pod in which gluster runs.
	Container = "glusterfs"
)

// Runner runs commands in containers of pods; podexec.Runner implements it.
type Runner interface {
	Run(ctx context.Context, pod, container string, command ...string) ([]byte, error)
}

// Pods maps nodes to the names of the servers' pods.
type Pods map[string]string

// First returns the first pod by name. There must be at least one pod.
func (p Pods) First() string { return slices.Min(slices.Collect(maps.Values(p))) }

// VolumeCommand returns, for messages, the command with which an administrator manages gluster's volumes.
func (p Pods) VolumeCommand(namespace string) string {
	return fmt.Sprintf("kubectl -n %s exec %s -c %s -- gluster --mode=script volume", namespace, p.First(), Container)
}

// Having returns the first pod, by name, whose server has the volume. A server that was removed from the pool, or never added to
// it, does not have the volume.
func (p Pods) Having(ctx context.Context, runner Runner, volume string) (pod string, err error) {
	var errs []error
	for _, pod := range slices.Sorted(maps.Values(p)) {
		list, err := runner.Run(ctx, pod, Container, "gluster", "--mode=script", "volume", "list")
		if err != nil {
			errs = append(errs, fmt.Errorf("ask gluster in pod %s for its volumes: %w", pod, err))
		} else if slices.Contains(strings.Fields(string(list)), volume) {
			return pod, nil
		}
	}
	return "", errors.Join(append(errs, fmt.Errorf("no server has the volume %s", volume))...)
}

// Volumes returns the names of all gluster volumes. It asks all servers, since servers that are not peers list only their own
// volumes. If some servers do not answer, Volumes returns the volumes of the others together with an error.
func (p Pods) Volumes(ctx context.Context, runner Runner) ([]string, error) {
	var (
		names []string
		errs  []error
	)
	for _, node := range slices.Sorted(maps.Keys(p)) {
		list, err := runner.Run(ctx, p[node], Container, "gluster", "--mode=script", "volume", "list")
		if err != nil {
			errs = append(errs, fmt.Errorf("ask gluster on node %s for its volumes: %w", node, err))
			continue
		}
		names = append(names, strings.Fields(string(list))...)
	}
	slices.Sort(names)
	return slices.Compact(names), errors.Join(errs...)
}

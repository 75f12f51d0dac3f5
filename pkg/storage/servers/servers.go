// Package servers asks the GlusterFS servers of an installation, by commands in their pods.
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
	// PodLabel is what Heketi finds the servers' pods by (heketi: pkg/remoteexec/kube, KubeGlusterFSPodLabelKey).
	PodLabel = "glusterfs-node"
	// Container is the one of such a pod in which gluster runs.
	Container = "glusterfs"
)

// Runner runs commands in containers of pods; podexec.Runner implements it.
type Runner interface {
	Run(ctx context.Context, pod, container string, command ...string) ([]byte, error)
}

// Pods holds the names of the servers' pods by their nodes.
type Pods map[string]string

// First returns the first of the pods, by name.
func (p Pods) First() string { return slices.Min(slices.Collect(maps.Values(p))) }

// VolumeCommand returns the command by which an administrator handles gluster's volumes, for messages.
func (p Pods) VolumeCommand(namespace string) string {
	return fmt.Sprintf("kubectl -n %s exec %s -c %s -- gluster --mode=script volume", namespace, p.First(), Container)
}

// Volumes returns the names of all gluster volumes. It asks all servers, since those that are no peers know only of their own volumes.
func (p Pods) Volumes(ctx context.Context, runner Runner) ([]string, error) {
	var (
		names []string
		errs  []error
	)
	for node, pod := range p {
		list, err := runner.Run(ctx, pod, Container, "gluster", "--mode=script", "volume", "list")
		if err != nil {
			errs = append(errs, fmt.Errorf("ask gluster on node %s for its volumes: %w", node, err))
			continue
		}
		names = append(names, strings.Fields(string(list))...)
	}
	slices.Sort(names)
	return slices.Compact(names), errors.Join(errs...)
}

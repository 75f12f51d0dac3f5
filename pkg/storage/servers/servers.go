// Package servers asks the GlusterFS servers of an installation, by commands in their pods.
package servers

import (
	"context"
	"errors"
	"fmt"
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

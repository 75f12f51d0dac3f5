package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// clientOptions hold the flags for the place and the memory limit of GlusterFS clients.
type clientOptions struct {
	placement   string
	cgroup      string
	resolver    string
	memory      string
	memoryLimit int64 // bytes; 0 means no limit
}

func (o *clientOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.placement, "client-placement", fuseclient.PlacementNode, "where GlusterFS clients run: node (outside this container; they continue when the container ends) or pod (inside this container; they end with it)")
	flags.StringVar(&o.cgroup, "client-cgroup", placement.DefaultGroup, "with --client-placement=node: name of the clients' top-level cgroup")
	flags.StringVar(&o.resolver, "client-resolver-root", "/", "with --client-placement=node: directory whose files etc/hosts and etc/resolv.conf the clients use; in a pod, /proc/1/root selects the node's files")
	flags.StringVar(&o.memory, "client-memory-limit", "", "with --client-placement=node: memory that each client may use, as in 512Mi; a client that reaches the limit is killed (default no limit)")
}

func (o *clientOptions) complete() error {
	if o.placement != fuseclient.PlacementNode && o.placement != fuseclient.PlacementPod {
		return fmt.Errorf("--client-placement=%s: write %s or %s", o.placement, fuseclient.PlacementNode, fuseclient.PlacementPod)
	}
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`).MatchString(o.cgroup) {
		return fmt.Errorf("--client-cgroup=%s: write a name without slashes, as in glusterfs-csi", o.cgroup)
	}
	if o.memory == "" {
		return nil
	}
	const least = 64 << 20 // a client of an empty volume, with nothing in its caches, uses 22 MiB
	limit, err := resource.ParseQuantity(o.memory)
	if err != nil || limit.Value() < least {
		return fmt.Errorf("--client-memory-limit=%s: write a quantity of at least 64Mi, as in 512Mi", o.memory)
	}
	o.memoryLimit = limit.Value()
	return nil
}

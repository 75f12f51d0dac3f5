package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// clusterOptions hold the present servers of clusters. A PersistentVolume names the servers at the time of its creation.
type clusterOptions struct {
	flags   []string
	servers map[string][]string // by id of the Heketi cluster
}

const clusterServersFlag = "cluster-servers"

func (c *clusterOptions) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.flags, clusterServersFlag, nil, "gluster servers of the Heketi cluster ID, as in ID=HOST,HOST, to use instead of the servers that its PersistentVolumes name; may be repeated, once for each cluster")
}

func (c *clusterOptions) complete() error {
	id := regexp.MustCompile("^[0-9a-f]{32}$")
	c.servers = make(map[string][]string, len(c.flags))
	for _, flag := range c.flags {
		cluster, list, _ := strings.Cut(flag, "=")
		if !id.MatchString(cluster) {
			return fmt.Errorf("--%s=%s: write ID=HOST,HOST with the id of a Heketi cluster, as heketi-cli cluster list and the attribute cluster of PersistentVolumes show it",
				clusterServersFlag, flag)
		}
		if _, twice := c.servers[cluster]; twice {
			return fmt.Errorf("--%s=%s: this cluster is given twice; write all its servers into one flag", clusterServersFlag, flag)
		}
		servers, err := mount.ParseServers(list)
		if err != nil {
			return fmt.Errorf("--%s=%s: %w", clusterServersFlag, flag, err)
		}
		c.servers[cluster] = servers
	}
	return nil
}

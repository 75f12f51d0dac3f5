package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/gluster"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status/collect"
)

// statusCommand returns the command that "glusterfs-csi doctor --storage" runs in the servers' pods. The report has no port: since
// pods of GlusterFS use the host's network, the port would be open to the network.
func statusCommand() *cobra.Command {
	heal := false
	cmd := &cobra.Command{
		Use:   status.Command,
		Short: "Print the report of this container's GlusterFS, as JSON",
		Long: "Print peers, volumes, this server's bricks and Heketi's thin pools, or with --heal the heal backlog of all volumes, as JSON. Run it in a pod of\n" +
			"GlusterFS. It changes nothing and takes no lock of gluster.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := collect.Collector{Runner: collect.Exec{}, RunDir: gluster.DefaultConfig().RunDir}
			var report any
			if heal {
				report = c.Heal(cmd.Context())
			} else {
				report = c.Server(cmd.Context())
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
		},
	}
	cmd.Flags().BoolVar(&heal, "heal", false, "print the heal backlog of all volumes instead; takes at most about two minutes")
	return cmd
}

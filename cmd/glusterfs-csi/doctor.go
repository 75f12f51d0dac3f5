package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/doctor"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func newDoctorCommand() *cobra.Command {
	var (
		config, stateDir string
		node             bool
	)
	cmd := newExaminationCommand("doctor", "Look for what keeps volumes from being made and mounted, and say what to do",
		"Doctor examines the configuration, each Heketi in it and the gluster servers that this knows, and with --node this\n"+
			"machine as a node. It changes nothing.",
		func(cmd *cobra.Command) ([]report.Finding, error) {
			if config == "" && !node {
				return nil, errors.New("say what to examine: --config=FILE, the driver's configuration, or --node, this machine, or both")
			}
			c := doctor.Config{ConfigFile: config}
			if node {
				c.Node = doctor.NewNode(stateDir)
			}
			return doctor.Run(cmd.Context(), c), nil
		})
	cmd.Flags().StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	cmd.Flags().BoolVar(&node, "node", false, "examine this machine as a node, too: kernel, FUSE, GlusterFS client, leftovers")
	cmd.Flags().StringVar(&stateDir, "state-dir", defaultStateDir, "state directory of the node plugin, with --node")
	return cmd
}

// defaultStateDir is the same as that of the node plugin.
const defaultStateDir = "/var/lib/glusterfs-csi"

package main

import (
	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
)

func newRootCommand() *cobra.Command {
	root := commandline.NewRoot("glusterfs-storage", "GlusterFS and Heketi in a Kubernetes cluster", "a command is missing", version)
	root.AddCommand(
		newGlusterCommand(),
		setupCommand(),
		backupCommand(),
		restoreCommand(),
		teardownCommand(),
		statusCommand(),
		probeCommand(),
	)
	return root
}

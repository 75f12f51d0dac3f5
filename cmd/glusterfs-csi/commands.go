package main

import (
	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
)

func newRootCommand() *cobra.Command {
	root := commandline.NewRoot("glusterfs-csi", "CSI driver for GlusterFS volumes that Heketi provisions", "say what to run: controller, node or all", version)
	root.CompletionOptions = cobra.CompletionOptions{HiddenDefaultCmd: true} // docs/kubectl.md describes it
	root.AddCommand(
		newServeCommand("controller", mode{controller: true}, "Make, expand and delete volumes through Heketi; run one controller for the Kubernetes cluster"),
		newServeCommand("node", mode{node: true}, "Mount volumes on this node; run one node plugin on each node"),
		newServeCommand("all", mode{controller: true, node: true}, "Run the controller and the node in one process"),
		newDoctorCommand(),
		newOrphansCommand(),
		newMigrateCommand(nil),
		newImportCommand(),
	)
	return root
}

func newServeCommand(name string, m mode, short string) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(m); err != nil {
				return commandline.Usage(err)
			}
			return serve(cmd.Context(), m, o, cmd.ErrOrStderr())
		},
	}
	o.register(cmd.Flags(), m)
	return cmd
}

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "glusterfs-csi",
		Short:         "CSI driver for GlusterFS volumes that Heketi provisions",
		SilenceErrors: true, // run prints them, in one line
		SilenceUsage:  true,
		Args:          noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("say what to run: controller, node or all (%s --help explains them)", cmd.CommandPath())}
		},
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.AddCommand(
		newServeCommand("controller", mode{controller: true}, "Make and delete volumes through Heketi; run one of these"),
		newServeCommand("node", mode{node: true}, "Mount volumes on this node; run one of these on every node"),
		newServeCommand("all", mode{controller: true, node: true}, "Do both in one process"),
		newDoctorCommand(),
		newOrphansCommand(),
		newMigrateCommand(nil),
		newImportCommand(),
		newVersionCommand(),
	)
	return root
}

func wrongFlag(cmd *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w (%s --help lists the flags)", err, cmd.CommandPath())}
}

func newServeCommand(name string, m mode, short string) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(m); err != nil {
				return usageError{err}
			}
			return serve(cmd.Context(), m, o, cmd.ErrOrStderr())
		},
	}
	o.register(cmd.Flags(), m)
	return cmd
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "glusterfs-csi %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q (%s --help lists what there is)", args[0], cmd.CommandPath())}
	}
	return nil
}

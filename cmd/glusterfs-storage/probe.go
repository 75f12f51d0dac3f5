package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/probe"
)

func probeCommand() *cobra.Command {
	// Heketi is the first process of its container. The kubelet waits ten seconds for the probe.
	p := probe.Probe{Process: "/proc/1", Limit: 8 * time.Second}
	var logs logging.Options
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Fail if Heketi must be started again: the liveness probe of Heketi's container",
		Long: "Probe fails if Heketi does not answer, or if Heketi has opened its database on a mount that was replaced, or only for reading. Probe asks only the\n" +
			"kernel about the database, and sends nothing to its volume: bricks that are offline are no reason for a restart.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			database := databaseOptions{path: p.Database}
			if p.URL == "" {
				return commandline.Usage(errors.New("--heketi-url is missing: write --heketi-url=http://localhost:8080, Heketi's address in its container"))
			}
			if err := errors.Join(database.check(), logs.Check()); err != nil {
				return commandline.Usage(err)
			}
			return p.Run(klog.NewContext(cmd.Context(), logs.Install(cmd.ErrOrStderr())))
		},
	}
	cmd.Flags().StringVar(&p.URL, "heketi-url", "", "address of Heketi in its container, as in http://localhost:8080; its certificate is not verified")
	cmd.Flags().StringVar(&p.Database, "database", databasePath, "file of Heketi's database")
	logs.Register(cmd.Flags())
	return cmd
}

package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/teardown"
)

type teardownOptions struct {
	teardown.Options
	job jobOptions
}

func teardownCommand() *cobra.Command {
	o := teardownOptions{Options: teardown.Options{Timing: teardown.DefaultTiming()}}
	cmd := &cobra.Command{
		Use:   "teardown",
		Short: "Remove the installation, so that nothing is left on the devices; refuse while there are volumes",
		Long: "Teardown is the Job that an administrator creates from the chart's CronJob storage-teardown. It may be ended at any point and started again.\n\n" +
			"  1. Look for data that would be lost. If there is any, teardown ends with code 3 and has changed nothing. A refusal in a later step says how to start Heketi again.\n" +
			"  2. Back up Heketi's database, and end Heketi for good.\n" +
			"  3. With a temporary Heketi, delete the volume of Heketi's database. Remove from Heketi's records the nodes that were deleted from\n" +
			"     Kubernetes, and the disabled devices that LVM does not find. Their content is not erased.\n" +
			"  4. Remove all devices from Heketi, and Heketi's volume groups from the devices.\n" +
			"  5. Remove all nodes and clusters.\n" +
			"  6. Delete the claim of the database, and empty the Secret with its backup. List what remains to be done.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return commandline.Usage(err)
			}
			client, err := o.job.connect(&o.Options.Options)
			if err != nil {
				return err
			}
			ctx := klog.NewContext(cmd.Context(), o.job.logging.Install(cmd.ErrOrStderr()))
			run := teardown.Teardown{
				Options: o.Options, Kubernetes: client, Runner: podexec.New(client.Config(), o.Namespace),
				Output: plain.Writer(cmd.ErrOrStderr()),
			}
			return run.Run(ctx)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *teardownOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.StatefulSet, "statefulset", "heketi", "StatefulSet of Heketi")
	flags.StringVar(&o.Volume, "database-volume", "heketidbstorage", "volume of Heketi's database")
	flags.StringVar(&o.Release, "release", "glusterfs-storage", "release of the chart; part of the printed list of remaining steps")
	flags.StringVar(&o.NodeLabel, "node-label", "storagenode=glusterfs", "label KEY=VALUE of the storage nodes; part of the printed list of remaining steps")
	flags.StringSliceVar(&o.Directories, "node-directories", []string{"/var/lib/glusterd", "/var/lib/heketi"}, "directories of GlusterFS on the storage nodes; part of the printed list of remaining steps")
	flags.DurationVar(&o.Timing.Pods, "gluster-timeout", o.Timing.Pods, "how long to wait until gluster answers in its pods")
	flags.DurationVar(&o.Timing.Heketi, "heketi-timeout", o.Timing.Heketi, "how long to wait for Heketi's pod")
	o.job.register(flags, &o.Options.Options)
}

func (o *teardownOptions) check() error {
	if o.StatefulSet == "" || o.Claim == "" || o.Volume == "" {
		return errors.New("--statefulset, --claim and --database-volume need a name")
	}
	return o.job.check(&o.Options.Options)
}

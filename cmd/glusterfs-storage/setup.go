package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/setup"
)

type setupOptions struct {
	setup.Options
	job jobOptions
}

func setupCommand() *cobra.Command {
	o := setupOptions{Options: setup.Options{Timing: setup.DefaultTiming()}}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Load the topology into Heketi; first make the volume of Heketi's database, if there is none",
		Long: "Setup is the Job of the chart. It may be ended at any point and started again. It adds the parts of the topology that Heketi lacks, and removes nothing.\n\n" +
			"  1. Read and check the topology.\n" +
			"  2. Wait until other Jobs of the installation have ended. Ask Heketi, if there is one, which parts of the topology it lacks.\n" +
			"  3. Wait until gluster answers on the nodes to which something is added. If there is a Heketi, continue with step 6.\n" +
			"  4. Find out whether the volume of Heketi's database exists.\n" +
			"  5. Make the volume with a temporary Heketi, back up its database, make the claim, and wait for Heketi.\n" +
			"  6. Load the topology. Heketi's nodes on which gluster does not answer are left as they are.",
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
			run := setup.Setup{
				Options: o.Options, Kubernetes: client, Runner: podexec.New(client.Config(), o.Namespace),
				Output: plain.Writer(cmd.ErrOrStderr()),
			}
			return run.Run(ctx)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *setupOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.Topology, "topology", "", "topology file, as for heketi-cli topology load")
	flags.StringVar(&o.NodeLabel, "node-label", "storagenode=glusterfs", `label KEY=VALUE that the storage nodes should have; a node without the label is logged ("": no check)`)
	flags.StringVar(&o.Volume.Name, "database-volume", "heketidbstorage", "volume of Heketi's database")
	flags.IntVar(&o.Volume.SizeGiB, "database-size", 2, "size of the volume of Heketi's database in GiB")
	flags.IntVar(&o.Volume.Replica, "database-replica", 3, "number of copies of the volume of Heketi's database, each on a different node")
	flags.Int64Var(&o.Volume.GID, "database-gid", 65532, "id of the group that Heketi runs as")
	flags.DurationVar(&o.Timing.Pods, "gluster-timeout", o.Timing.Pods, "how long to wait until gluster answers on the nodes to which something is added")
	flags.DurationVar(&o.Timing.Heketi, "heketi-timeout", o.Timing.Heketi, "how long to wait for Heketi's pod")
	o.job.register(flags, &o.Options.Options)
}

func (o *setupOptions) check() error {
	key, _, ok := strings.Cut(o.NodeLabel, "=")
	switch {
	case o.Topology == "":
		return errors.New("--topology is missing: write --topology=FILE, a topology.json")
	case o.NodeLabel != "" && (!ok || key == ""):
		return fmt.Errorf("--node-label=%s: write KEY=VALUE, as in storagenode=glusterfs", o.NodeLabel)
	case o.Claim == "" || o.Volume.Name == "":
		return errors.New("--claim and --database-volume need a name")
	case o.Volume.SizeGiB < 1:
		return fmt.Errorf("--database-size=%d: write a number of GiB from 1", o.Volume.SizeGiB)
	case o.Volume.Replica < 1:
		return fmt.Errorf("--database-replica=%d: write a number of nodes from 1; 3 is recommended", o.Volume.Replica)
	case o.Volume.GID < 1:
		return fmt.Errorf("--database-gid=%d: write the number of a group", o.Volume.GID)
	}
	return o.job.check(&o.Options.Options)
}

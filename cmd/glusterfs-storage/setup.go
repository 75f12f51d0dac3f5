package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/setup"
)

type setupOptions struct {
	setup.Options
	heketi  heketiOptions
	cluster clusterOptions
	logging logging.Options
}

func setupCommand() *cobra.Command {
	o := setupOptions{Options: setup.Options{Timing: setup.DefaultTiming()}}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Load the topology into Heketi; make the volume of Heketi's database first, where there is none",
		Long: "Setup is the Job of the chart. It may be ended anywhere and started again. It adds what Heketi lacks of the topology, and removes nothing.\n\n" +
			"  1. Read and check the topology.\n" +
			"  2. Wait until other Jobs of the installation have ended, and gluster is ready on the nodes.\n" +
			"  3. Look for Heketi. If it answers, the last step is next.\n" +
			"  4. Find out what there is: the claim of Heketi's database, or the volume.\n" +
			"  5. Make the volume with a temporary Heketi, back up its database, make the claim, and wait for Heketi.\n" +
			"  6. Load the topology.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usageError{err}
			}
			client, err := o.cluster.connect()
			if err != nil {
				return err
			}
			ctx := withLogger(cmd.Context(), o.logging, cmd.ErrOrStderr())
			o.Namespace, o.HeketiURL, o.CAFile, o.Key = o.cluster.namespace, o.heketi.url, o.heketi.caFile, os.Getenv(keyVariable)
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
	flags.StringVar(&o.Topology, "topology", "", "file with the topology, as for heketi-cli topology load")
	flags.StringVar(&o.Pod, "pod", "", "name of the pod that this is (default its hostname)")
	flags.StringVar(&o.NodeLabel, "node-label", "storagenode=glusterfs", `label KEY=VALUE by which gluster runs on a node; nodes without it are warned about ("" for none)`)
	flags.StringVar(&o.Config, "config", "", "heketi.json, for a temporary Heketi")
	flags.StringVar(&o.Program, "heketi", "/usr/bin/heketi", "program of Heketi")
	flags.StringVar(&o.Dir, "directory", filepath.Dir(databasePath), "directory for the database of a temporary Heketi, which outlives a restart of the container")
	flags.StringVar(&o.Claim, "claim", "heketi-db", "claim for the volume of Heketi's database; its PersistentVolume is NAMESPACE-VOLUME")
	flags.StringVar(&o.Volume.Name, "database-volume", "heketidbstorage", "volume of Heketi's database")
	flags.IntVar(&o.Volume.SizeGiB, "database-size", 2, "its size in GiB")
	flags.IntVar(&o.Volume.Replica, "database-replica", 3, "on how many nodes it is")
	flags.Int64Var(&o.Volume.GID, "database-gid", 65532, "group that Heketi runs as")
	flags.DurationVar(&o.Timing.Pods, "gluster-timeout", o.Timing.Pods, "how long to wait for gluster's pods")
	flags.DurationVar(&o.Timing.Heketi, "heketi-timeout", o.Timing.Heketi, "how long to wait for Heketi's pod")
	o.heketi.register(flags)
	o.cluster.register(flags)
	o.logging.Register(flags)
}

func (o *setupOptions) check() error {
	if o.Pod == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("--pod is missing: %w", err)
		}
		o.Pod = name
	}
	key, _, ok := strings.Cut(o.NodeLabel, "=")
	switch {
	case o.Topology == "":
		return errors.New("--topology is missing: write --topology=FILE, a topology.json")
	case o.Config == "":
		return errors.New("--config is missing: write --config=FILE, Heketi's heketi.json")
	case o.NodeLabel != "" && (!ok || key == ""):
		return fmt.Errorf("--node-label=%s: write KEY=VALUE, as in storagenode=glusterfs", o.NodeLabel)
	case !filepath.IsAbs(o.Dir):
		return fmt.Errorf("--directory=%s: write an absolute path", o.Dir)
	case o.Claim == "" || o.Volume.Name == "":
		return errors.New("--claim and --database-volume need a name")
	case o.Volume.SizeGiB < 1:
		return fmt.Errorf("--database-size=%d: write a number of GiB from 1", o.Volume.SizeGiB)
	case o.Volume.Replica < 1:
		return fmt.Errorf("--database-replica=%d: write a number of nodes from 1; 3 is recommended", o.Volume.Replica)
	case o.Volume.GID < 1:
		return fmt.Errorf("--database-gid=%d: write the number of a group", o.Volume.GID)
	}
	if err := o.heketi.check(); err != nil {
		return err
	}
	return o.logging.Check()
}

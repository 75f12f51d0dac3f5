package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// newMigrateCommand returns the command migrate. plugin selects the cluster if the program is a plugin of kubectl; otherwise it
// is nil, and the command's own flags select the cluster.
func newMigrateCommand(plugin *kubectl.Client) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Migrate PersistentVolumes and StorageClasses of kubernetes.io/glusterfs to this driver",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := commandline.NoArguments(cmd, args); err != nil {
				return err
			}
			return commandline.Usage(fmt.Errorf("say what to do: plan, apply, status or rollback (%s --help)", cmd.CommandPath()))
		},
	}
	cmd.AddCommand(printsRole(newMigratePlanCommand(plugin), migrate.CommandPlan), printsRole(newMigrateApplyCommand(plugin), migrate.CommandApply),
		printsRole(newMigrateRollbackCommand(plugin), migrate.CommandRollback), printsRole(newMigrateStatusCommand(plugin), migrate.CommandStatus))
	return cmd
}

// cluster holds the flags that select a Kubernetes cluster.
type cluster struct {
	kubeconfig string
	inCluster  bool
	plugin     *kubectl.Client // if not nil, the flags of the root command select the cluster
}

func (c *cluster) register(flags *pflag.FlagSet) {
	if c.plugin != nil {
		return
	}
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file, whose current context selects the Kubernetes cluster")
	flags.BoolVar(&c.inCluster, "in-cluster", false, "use the Kubernetes cluster that this pod runs in")
}

func (c *cluster) check() error {
	switch {
	case c.plugin != nil:
		return nil
	case c.kubeconfig == "" && !c.inCluster:
		return errors.New("say which Kubernetes cluster: --kubeconfig=FILE; or --in-cluster, in a pod")
	case c.kubeconfig != "" && c.inCluster:
		return errors.New("--kubeconfig and --in-cluster exclude each other")
	}
	return nil
}

// printsRole adds the flag --print-rbac to a command.
func printsRole(cmd *cobra.Command, command migrate.Command) *cobra.Command {
	run := cmd.RunE
	printed := cmd.Flags().Bool("print-rbac", false, "print a ClusterRole with the permissions that this command needs, and do nothing else")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *printed {
			scale, _ := cmd.Flags().GetBool("scale-down") // false if the command has no such flag
			_, err := io.WriteString(cmd.OutOrStdout(), migrate.ClusterRole(command, scale))
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

func (c *cluster) connect() (*kube.Client, error) {
	if c.plugin != nil {
		return kube.NewContextClient(c.plugin.Kubeconfig, c.plugin.Context)
	}
	return kube.NewClient(c.kubeconfig)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// applyCommand holds the flags of migrate apply and rollback.
type applyCommand struct {
	cluster
	config     string
	file       string   // the plan
	volumeInfo []string // apply: files with the output of gluster volume info
	wait       time.Duration
	selection  migrate.Selection
	classes    bool
	out        io.Writer
	endpoints  bool // apply: remove those that no PersistentVolume names
	scale      bool
	dryRun     string
}

// The values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunServer = "server"
)

// journalSuffix ends the name of the journal, which lies beside the plan.
const journalSuffix = ".journal"

func newMigrateApplyCommand(plugin *kubectl.Client) *cobra.Command {
	m := applyCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Carry a plan out",
		Long: "Apply replaces the PersistentVolumes and StorageClasses of a plan, one after the other. Before each it makes sure that nothing has changed since the\n" +
			"plan was made and that no running pod uses the claim; a PersistentVolume is deleted only when its policy is Retain, and the claim stays. It may be ended at\n" +
			"any moment and run again: a file beside the plan, PLAN.journal, records what it has deleted and not yet replaced.\n\n" +
			"  glusterfs-csi migrate apply --plan=plan.yaml --config=FILE --kubeconfig=FILE",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, m.apply) },
	}
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&m.config, "config", "", "YAML file that lists the Heketi backends, as for the plan")
	cmd.Flags().StringArrayVar(&m.volumeInfo, "volume-info", nil, "new output of gluster volume info --xml, which proves again what it has proven for the plan; once for each gluster cluster")
	cmd.Flags().BoolVar(&m.classes, "classes", true, "replace StorageClasses, too; not with --only")
	cmd.Flags().BoolVar(&m.endpoints, "remove-endpoints", false, "remove Endpoints and Services that the in-tree plugin made, where no PersistentVolume names them any more")
	return cmd
}

func newMigrateRollbackCommand(plugin *kubectl.Client) *cobra.Command {
	m := applyCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Put the in-tree PersistentVolumes and StorageClasses of a plan back",
		Long: "Rollback puts the objects of a plan's backup back in the place of those that apply has made, in the same way. Kubernetes before 1.26 mounts them again.\n\n" +
			"  glusterfs-csi migrate rollback --plan=plan.yaml --kubeconfig=FILE",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, m.rollBack) },
	}
	m.register(cmd.Flags())
	cmd.Flags().BoolVar(&m.classes, "classes", true, "put StorageClasses back, too; not with --only")
	return cmd
}

func (m *applyCommand) register(flags *pflag.FlagSet) {
	m.cluster.register(flags)
	flags.StringVar(&m.file, "plan", "", "file that migrate plan has written")
	flags.StringArrayVar(&m.selection.Only, "only", nil, "only this PersistentVolume; once for each")
	flags.IntVar(&m.selection.Max, "max", 0, "change at most so many PersistentVolumes; 0 is no limit")
	flags.DurationVar(&m.wait, "wait", time.Minute, "how long to wait for each claim to be bound again, and for pods to end")
	flags.StringVar(&m.dryRun, "dry-run", dryRunNone, `"server": check everything and have the API server check each request, and change nothing`)
	flags.BoolVar(&m.scale, "scale-down", false, "scale Deployments, StatefulSets and ReplicaSets with running pods that use a volume to 0, and back at the end")
}

func (m *applyCommand) check() error {
	switch {
	case m.file == "":
		return errors.New("--plan is missing: write --plan=FILE, which migrate plan has written")
	case m.selection.Max < 0:
		return fmt.Errorf("--max=%d: write a number of PersistentVolumes, or 0 for no limit", m.selection.Max)
	case m.dryRun != dryRunNone && m.dryRun != dryRunServer:
		return fmt.Errorf("--dry-run=%s: write %s or %s", m.dryRun, dryRunServer, dryRunNone)
	case m.wait <= 0:
		return fmt.Errorf("--wait=%v: write a time above 0, such as 1m", m.wait)
	}
	return m.cluster.check()
}

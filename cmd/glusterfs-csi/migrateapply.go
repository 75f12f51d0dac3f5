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
	file       string   // the plan's file
	volumeInfo []string // apply: files with the output of gluster volume info
	wait       time.Duration
	selection  migrate.Selection
	classes    bool
	out        io.Writer
	endpoints  bool // apply: remove Endpoints and Services that no PersistentVolume names
	scale      bool
	dryRun     string
}

// The values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunServer = "server"
)

// journalSuffix is added to the plan's name to get the name of its journal.
const journalSuffix = ".journal"

func newMigrateApplyCommand(plugin *kubectl.Client) *cobra.Command {
	m := applyCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Carry out a plan",
		Long: "Apply replaces the PersistentVolumes and StorageClasses of a plan, one after the other. Before it replaces an object, it checks that nothing has changed\n" +
			"since the plan was made and that no running pod uses the claim. A PersistentVolume is deleted only when its policy is Retain, and the claim stays.\n" +
			"You can interrupt apply at any time and run it again: a file beside the plan, PLAN.journal, records each object that is deleted and not yet replaced.\n\n" +
			"  glusterfs-csi migrate apply --plan=plan.yaml --config=FILE --kubeconfig=FILE",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, m.apply) },
	}
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&m.config, "config", "", "YAML file that lists the Heketi backends, as for migrate plan")
	cmd.Flags().StringArrayVar(&m.volumeInfo, "volume-info", nil, "file with new output of gluster volume info --xml, if migrate plan used such files; may be repeated, once for each gluster cluster")
	cmd.Flags().BoolVar(&m.classes, "classes", true, "also replace the StorageClasses of the plan; with --only, they stay as they are")
	cmd.Flags().BoolVar(&m.endpoints, "remove-endpoints", false, "remove the in-tree plugin's Endpoints and Services that no PersistentVolume names any more")
	return cmd
}

func newMigrateRollbackCommand(plugin *kubectl.Client) *cobra.Command {
	m := applyCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Restore the in-tree PersistentVolumes and StorageClasses of a plan",
		Long: "Rollback works like apply, but restores the objects of the plan's backup in place of the objects that apply made. Kubernetes before 1.26 mounts them again.\n\n" +
			"  glusterfs-csi migrate rollback --plan=plan.yaml --kubeconfig=FILE",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, m.rollBack) },
	}
	m.register(cmd.Flags())
	cmd.Flags().BoolVar(&m.classes, "classes", true, "also restore the StorageClasses of the plan; with --only, they stay as they are")
	return cmd
}

func (m *applyCommand) register(flags *pflag.FlagSet) {
	m.cluster.register(flags)
	flags.StringVar(&m.file, "plan", "", "file that migrate plan wrote")
	flags.StringArrayVar(&m.selection.Only, "only", nil, "change only this PersistentVolume; may be repeated")
	flags.IntVar(&m.selection.Max, "max", 0, "change at most this many PersistentVolumes; 0 means no limit")
	flags.DurationVar(&m.wait, "wait", time.Minute, "how long to wait until each claim is bound again, and until pods have ended")
	flags.StringVar(&m.dryRun, "dry-run", dryRunNone, `"server": change nothing, but check everything, and let the API server check each request`)
	flags.BoolVar(&m.scale, "scale-down", false, "stop the pods that use a volume: scale their Deployment, StatefulSet or ReplicaSet to 0, and scale it back at the end")
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

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// planCommand holds the flags of migrate plan.
type planCommand struct {
	cluster
	config     string
	output     string
	volumeInfo []string
	choices    migrate.Choices
}

func newMigratePlanCommand(plugin *kubectl.Client) *cobra.Command {
	m := planCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Plan what to do with each PersistentVolume and StorageClass; nothing is changed",
		Long: "Plan reads PersistentVolumes, claims, StorageClasses, Endpoints, Services and pods of a Kubernetes cluster and the records of each Heketi, and\n" +
			"writes a plan. For each PersistentVolume of kubernetes.io/glusterfs, the plan lists the replacement, the proof that both are the same volume, and the\n" +
			"changes that pods may notice, or the reason why the plan refuses to migrate it.\n\n" +
			"  glusterfs-csi migrate plan --config=FILE --kubeconfig=FILE --output=plan.yaml\n\n" +
			"Nothing is changed. The plan contains a backup of every object, including keys that StorageClasses have in plain text: only the file's owner can read it.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.plan(cmd) },
	}
	cmd.Flags().StringVar(&m.config, "config", "", "YAML file that lists the Heketi backends, as for the controller; leave it out if all volumes were made by hand")
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&m.output, "output", "", "file for the plan; - means standard output")
	cmd.Flags().StringArrayVar(&m.volumeInfo, "volume-info", nil, "file with the output of gluster volume info --xml, for volumes that no Heketi has; may be repeated, once for each gluster cluster")
	cmd.Flags().StringArrayVar(&m.choices.DropMountOptions, "drop-mount-option", nil, "mount option to leave out, because the driver does not accept it; without this flag, the plan refuses PersistentVolumes and classes with the option; may be repeated")
	cmd.Flags().StringVar(&m.choices.Driver, "driver-name", driver.DefaultName, "name of the driver")
	return cmd
}

func (m *planCommand) check() error {
	if m.output == "" {
		return errors.New("--output is missing: write --output=FILE for the plan; - means standard output")
	}
	return m.cluster.check()
}

func (m *planCommand) plan(cmd *cobra.Command) error {
	if err := m.check(); err != nil {
		return commandline.Usage(err)
	}
	if err := m.checkOutput(); err != nil {
		return err
	}
	plan, err := m.makePlan(cmd.Context())
	if err != nil {
		return err
	}
	content, err := plan.Encode()
	if err != nil {
		return err
	}
	if m.output == "-" {
		_, err = cmd.OutOrStdout().Write(content)
		return err
	}
	if err := renameio.WriteFile(m.output, content, 0o600); err != nil {
		return fmt.Errorf("--output=%s: %w", m.output, err)
	}
	return summarize(cmd.OutOrStdout(), plan, m.output)
}

// checkOutput refuses an existing file: an earlier plan is the only backup of the objects that were migrated with it.
func (m *planCommand) checkOutput() error {
	for _, file := range []string{m.output, m.output + journalSuffix} {
		if _, err := os.Lstat(file); m.output != "-" && err == nil {
			return fmt.Errorf("--output=%s: %s exists, and may be the backup of a migration; write the plan to another file", m.output, file)
		}
	}
	return nil
}

// makePlan reads everything and makes the plan.
func (m *planCommand) makePlan(ctx context.Context) (migrate.Plan, error) {
	var sources migrate.Sources
	var err error
	if sources.VolumeInfo, err = readVolumeInfos(m.volumeInfo); err != nil {
		return migrate.Plan{}, err
	}
	var backends []*heketi.Backend
	if m.config != "" {
		configured, err := loadBackends(m.config)
		if err != nil {
			return migrate.Plan{}, err
		}
		defer configured.Close()
		sources.Backends, backends = configured, configured.All()
	}
	client, err := m.connect()
	if err != nil {
		return migrate.Plan{}, err
	}
	if sources.Objects, err = migrate.Collect(ctx, client); err != nil {
		return migrate.Plan{}, err
	}
	sources.Inventories = migrate.ReadInventories(ctx, backends)
	return migrate.NewPlan(sources, m.choices)
}

// readVolumeInfos returns the volumes in all files, or nil if there are no files.
func readVolumeInfos(files []string) (all []migrate.GlusterVolume, err error) {
	if len(files) > 0 {
		all = []migrate.GlusterVolume{}
	}
	for _, file := range files {
		volumes, err := readVolumeInfo(file)
		if err != nil {
			return nil, fmt.Errorf("--volume-info=%s: %w", file, err)
		}
		all = append(all, volumes...)
	}
	return all, nil
}

func readVolumeInfo(file string) ([]migrate.GlusterVolume, error) {
	f, err := os.Open(file) // #nosec G304 -- the administrator names this file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return migrate.ReadVolumeInfo(f)
}

// summarize writes a short summary of the plan, and the next step.
func summarize(w io.Writer, plan migrate.Plan, file string) error {
	lines := []string{
		fmt.Sprintf("PersistentVolumes: %d to migrate (%d warnings), %d refused.", plan.Summary.Migrate, plan.Summary.Warnings, plan.Summary.Refuse),
	}
	for _, v := range plan.Volumes {
		if v.Action == migrate.Refuse {
			lines = append(lines, fmt.Sprintf("  refused  %s: %s", v.Name, v.Reason))
		}
	}
	lines = append(lines, fmt.Sprintf("StorageClasses: %d.", len(plan.Classes)))
	for _, c := range plan.Classes {
		if c.Action == migrate.Refuse {
			lines = append(lines, fmt.Sprintf("  refused  %s: %s", c.Name, c.Reason))
		}
	}
	for _, note := range plan.Notes {
		lines = append(lines, "Note: "+note+".")
	}
	lines = append(lines, fmt.Sprintf("The plan is in %s. Nothing was changed. Read it before anything else.", file))
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

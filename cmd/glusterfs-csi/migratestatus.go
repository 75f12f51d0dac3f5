package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// statusCommand holds the flags of migrate status.
type statusCommand struct {
	cluster
	driver string
	file   string // a plan's file; "" means none
	format string
}

func newMigrateStatusCommand(plugin *kubectl.Client) *cobra.Command {
	m := statusCommand{cluster: cluster{plugin: plugin}}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of in-tree and migrated PersistentVolumes",
		Long: "Status shows the PersistentVolumes of the in-tree plugin, those that apply made, and those that are missing: an apply or rollback that was\n" +
			"interrupted has deleted them, and their claims are Lost until the same command has run again. Status fails if any is missing. With --plan, it also finds\n" +
			"missing PersistentVolumes that no claim names any more. An absent PersistentVolume that the journal beside the plan does not list was deleted in another way.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd) },
	}
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&m.driver, "driver-name", driver.DefaultName, "name of the driver")
	cmd.Flags().StringVar(&m.file, "plan", "", "file that migrate plan wrote; the command fails if one of the plan's PersistentVolumes is missing")
	cmd.Flags().StringVar(&m.format, "output", formatText, "format of the output: text or json")
	return cmd
}

func (m *statusCommand) run(cmd *cobra.Command) error {
	if err := m.check(); err != nil {
		return commandline.Usage(err)
	}
	if m.format != formatText && m.format != formatJSON {
		return commandline.Usage(fmt.Errorf("--output=%s: write %s or %s", m.format, formatText, formatJSON))
	}
	plan, journal, err := m.plan()
	if err != nil {
		return err
	}
	api, err := m.connect()
	if err != nil {
		return err
	}
	if m.file != "" {
		if err := plan.CheckCluster(cmd.Context(), api); err != nil {
			return fmt.Errorf("--plan=%s: %w", m.file, err)
		}
	}
	objects, err := migrate.CollectVolumes(cmd.Context(), api)
	if err != nil {
		return err
	}
	states, err := migrate.Status(objects, m.driver, plan, journal)
	if err != nil {
		return err
	}
	if err := writeStates(cmd, states, m.format); err != nil {
		return err
	}
	return missingError(states)
}

// plan reads the plan and its journal, if --plan is set.
func (m *statusCommand) plan() (plan migrate.Plan, journal *migrate.Journal, err error) {
	if m.file == "" {
		return plan, nil, nil
	}
	if plan, err = readPlan(m.file); err != nil {
		return plan, nil, err
	}
	if journal, err = migrate.PeekJournal(m.file+journalSuffix, plan.ID); err != nil {
		return plan, nil, err
	}
	return plan, journal, journal.Close()
}

// missingError names the PersistentVolumes that are missing. It returns nil if there are none.
func missingError(states []migrate.State) error {
	var names []string
	for _, s := range states {
		if s.Kind == migrate.IsMissing {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%d PersistentVolumes are MISSING (%s): if apply or rollback was interrupted, run it again with the same plan, without --only and --max",
		len(names), strings.Join(names, ", "))
}

func writeStates(cmd *cobra.Command, states []migrate.State, format string) error {
	if format == formatJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(states)
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tKIND\tPHASE\tPOLICY\tCLAIM\tCLAIM'S PHASE")
	for _, s := range states {
		kind := s.Kind
		if kind == migrate.IsMissing {
			kind = "MISSING"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, kind, s.Phase, s.Policy, s.Claim, s.ClaimPhase)
	}
	return table.Flush()
}

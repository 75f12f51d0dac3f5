package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

func newMigrateStatusCommand() *cobra.Command {
	var (
		m            cluster
		name, format string
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where the PersistentVolumes of either kind stand",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m.check(); err != nil {
				return usageError{err}
			}
			if format != formatText && format != formatJSON {
				return usageError{fmt.Errorf("--output=%s: write %s or %s", format, formatText, formatJSON)}
			}
			api, err := m.connect()
			if err != nil {
				return err
			}
			objects, err := migrate.Collect(cmd.Context(), api)
			if err != nil {
				return err
			}
			states, err := migrate.Status(objects, name)
			if err != nil {
				return err
			}
			return writeStates(cmd, states, format)
		},
	}
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&name, "driver-name", driver.DefaultName, "name of the driver")
	cmd.Flags().StringVar(&format, "output", formatText, "text or json")
	return cmd
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Kind, s.Phase, s.Policy, s.Claim, s.ClaimPhase)
	}
	return table.Flush()
}

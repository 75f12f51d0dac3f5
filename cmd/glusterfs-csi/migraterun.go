package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// run reads the plan and calls the function do to carry out the plan. It returns an error if anything was left undone.
func (m *applyCommand) run(cmd *cobra.Command, do func(context.Context, *migrate.Applier) error) error {
	if err := m.check(); err != nil {
		return commandline.Usage(err)
	}
	plan, err := readPlan(m.file)
	if err != nil {
		return err
	}
	if err := m.selection.Check(plan); err != nil {
		return commandline.Usage(fmt.Errorf("--only: %w", err))
	}
	open := migrate.OpenJournal
	if m.dryRun == dryRunServer {
		open = migrate.ReadJournal
	}
	journal, err := open(m.file+journalSuffix, plan.ID)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	api, err := m.connect()
	if err != nil {
		return err
	}
	m.out = cmd.OutOrStdout()
	shown := newProgress(m.out, plan, m.selection, m.classes)
	defer shown.clear()
	a := &migrate.Applier{API: api, Plan: plan, Journal: journal, Wait: m.wait, Poll: 100 * time.Millisecond, Scale: m.scale,
		DryRun: m.dryRun == dryRunServer, Report: shown.report}
	if a.VolumeInfo, err = readVolumeInfos(m.volumeInfo); err != nil {
		return err
	}
	if err := plan.CheckCluster(cmd.Context(), api); err != nil {
		return fmt.Errorf("--plan=%s: %w", m.file, err)
	}
	read, end, err := inventoryReader(m.config)
	if err != nil {
		return err
	}
	defer end()
	a.Inventories = &migrate.InventoryCache{Read: read, MaxAge: time.Minute}
	if err := errors.Join(do(cmd.Context(), a), m.cleanUp(cmd.Context(), a)); err != nil {
		return err
	}
	return shown.summarize(a.DryRun)
}

// cleanUp reports missing objects, and scales up the workloads that were scaled to 0, even after an interrupted migration.
func (m *applyCommand) cleanUp(ctx context.Context, a *migrate.Applier) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := a.ReportMissing(ctx)
	if !m.scale {
		return err
	}
	if up := a.ScaleUp(ctx); up != nil {
		err = errors.Join(err, fmt.Errorf("not everything was scaled back from 0, run the same command again: %w", up))
	}
	return err
}

func readPlan(file string) (migrate.Plan, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the administrator names this file
	if err != nil {
		return migrate.Plan{}, fmt.Errorf("--plan=%s: %w", file, err)
	}
	plan, err := migrate.Decode(content)
	if err != nil {
		return migrate.Plan{}, fmt.Errorf("--plan=%s: %w", file, err)
	}
	return plan, nil
}

// inventoryReader returns a function that reads the records of the backends in a configuration file. Without a file there are no
// backends. The caller must call end.
func inventoryReader(config string) (read func(context.Context) []migrate.Inventory, end func(), err error) {
	if config == "" {
		return func(context.Context) []migrate.Inventory { return nil }, func() {}, nil
	}
	backends, err := loadBackends(config)
	if err != nil {
		return nil, nil, err
	}
	read = func(ctx context.Context) []migrate.Inventory { return migrate.ReadInventories(ctx, backends.All()) }
	return read, backends.Close, nil
}

func (m *applyCommand) apply(ctx context.Context, a *migrate.Applier) error {
	if err := a.Apply(ctx, m.selection); err != nil {
		return err
	}
	if m.classes && len(m.selection.Only) == 0 {
		if err := a.ApplyClasses(ctx); err != nil {
			return err
		}
	}
	if !m.endpoints {
		return nil
	}
	removed, err := a.RemoveEndpoints(ctx)
	if a.DryRun {
		fmt.Fprintf(m.out, "Endpoints and Services that would be removed: %d\n", removed)
	} else {
		fmt.Fprintf(m.out, "Endpoints and Services removed: %d\n", removed)
	}
	return err
}

func (m *applyCommand) rollBack(ctx context.Context, a *migrate.Applier) error {
	if err := a.RestoreEndpoints(ctx, m.selection); err != nil {
		return err
	}
	if err := a.RollBack(ctx, m.selection); err != nil {
		return err
	}
	if m.classes && len(m.selection.Only) == 0 {
		return a.RollBackClasses(ctx)
	}
	return nil
}

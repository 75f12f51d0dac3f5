package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// applyCommand holds the flags of migrate apply and rollback.
type applyCommand struct {
	cluster
	config string
	file   string // the plan
	// volumeInfo names files with the output of gluster volume info.
	volumeInfo []string
	wait       time.Duration
	selection  migrate.Selection
	classes    bool
	out        io.Writer
	endpoints  bool // apply: remove those that no PersistentVolume names
	scale      bool
}

// journalSuffix ends the name of the journal, which lies beside the plan.
const journalSuffix = ".journal"

func newMigrateApplyCommand() *cobra.Command {
	var m applyCommand
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Carry a plan out",
		Long: "Apply replaces the PersistentVolumes and StorageClasses of a plan, one after the other. Before each it makes sure that nothing has changed since the\n" +
			"plan was made and that no running pod uses the claim; a PersistentVolume is deleted only when its policy is Retain, and the claim stays. It may be ended at\n" +
			"any moment and run again: a file beside the plan, PLAN.journal, says where it was.\n\n" +
			"  glusterfs-csi migrate apply --plan=plan.yaml --config=FILE --kubeconfig=FILE",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, m.apply) },
	}
	m.register(cmd.Flags())
	cmd.Flags().StringVar(&m.config, "config", "", "YAML file that lists the Heketi backends, as for the plan")
	cmd.Flags().StringArrayVar(&m.volumeInfo, "volume-info", nil, "output of gluster volume info --xml, as for the plan, which proves again what the plan was proven by with it; once for each gluster cluster")
	cmd.Flags().BoolVar(&m.classes, "classes", true, "replace StorageClasses, too; not with --only")
	cmd.Flags().BoolVar(&m.endpoints, "remove-endpoints", false, "remove Endpoints and Services that the in-tree plugin made, where no PersistentVolume names them any more")
	return cmd
}

func newMigrateRollbackCommand() *cobra.Command {
	var m applyCommand
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Put the in-tree PersistentVolumes and StorageClasses of a plan back",
		Long: "Rollback puts the objects of a plan's backup back in the place of those that apply has made, in the same way. Kubernetes before 1.26 mounts them again.\n\n" +
			"  glusterfs-csi migrate rollback --plan=plan.yaml --kubeconfig=FILE",
		Args: noArguments,
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
	flags.BoolVar(&m.scale, "scale-down", false, "scale Deployments, StatefulSets and ReplicaSets with running pods that use a volume to 0, and back at the end")
}

func (m *applyCommand) check() error {
	switch {
	case m.file == "":
		return errors.New("--plan is missing: write --plan=FILE, which migrate plan has written")
	case m.selection.Max < 0:
		return fmt.Errorf("--max=%d: write a number of PersistentVolumes, or 0 for no limit", m.selection.Max)
	case m.wait <= 0:
		return fmt.Errorf("--wait=%v: write a time above 0, such as 1m", m.wait)
	}
	return m.cluster.check()
}

// run reads the plan and what it needs, and has do carry it out. It fails if something was left.
func (m *applyCommand) run(cmd *cobra.Command, do func(context.Context, *migrate.Applier) error) error {
	if err := m.check(); err != nil {
		return usageError{err}
	}
	plan, err := readPlan(m.file)
	if err != nil {
		return err
	}
	if err := m.selection.Check(plan); err != nil {
		return usageError{fmt.Errorf("--only: %w", err)}
	}
	journal, err := migrate.OpenJournal(m.file+journalSuffix, plan.ID)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	api, err := m.connect()
	if err != nil {
		return err
	}
	m.out = cmd.OutOrStdout()
	left := progress{out: m.out}
	a := &migrate.Applier{API: api, Plan: plan, Journal: journal, Wait: m.wait, Poll: 100 * time.Millisecond, Scale: m.scale, Report: left.report}
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
	err = do(cmd.Context(), a)
	if m.scale {
		err = errors.Join(err, scaleUp(cmd.Context(), a))
	}
	if err != nil {
		return err
	}
	return left.end()
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

// scaleUp gives pods back also when the migration was interrupted.
func scaleUp(ctx context.Context, a *migrate.Applier) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := a.ScaleUp(ctx); err != nil {
		return fmt.Errorf("what was scaled to 0 is not scaled back, run the same command again: %w", err)
	}
	return nil
}

// inventoryReader returns a function that reads the records of the backends in a configuration file, until end is called. Without a file
// there are none.
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
	fmt.Fprintf(m.out, "Endpoints and Services removed: %d\n", removed)
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

// progress writes a line for each object.
type progress struct {
	out     io.Writer
	counts  map[migrate.Outcome]int
	changed int // refused because something has changed since the plan
}

func (p *progress) report(r migrate.Result) {
	if p.counts == nil {
		p.counts = map[migrate.Outcome]int{}
	}
	p.counts[r.Outcome]++
	if errors.Is(r.Err, migrate.ErrChanged) {
		p.changed++
	}
	text := ""
	if r.Err != nil {
		text = ": " + r.Err.Error()
	}
	fmt.Fprintf(p.out, "%-11s %s (%v)%s\n", r.Outcome, r.Name, r.Took.Round(time.Millisecond), text)
}

// end sums up. It fails if anything failed.
func (p *progress) end() error {
	for _, outcome := range []migrate.Outcome{migrate.Migrated, migrate.RolledBack, migrate.Unchanged, migrate.Refused, migrate.Failed} {
		if n := p.counts[outcome]; n > 0 {
			fmt.Fprintf(p.out, "%s: %d\n", outcome, n)
		}
	}
	if n := p.counts[migrate.Failed]; n > 0 {
		return fmt.Errorf("%d failed; run the same command again", n)
	}
	if p.changed > 0 {
		return fmt.Errorf("%d have changed since the plan was made; make a new one for these, in another file", p.changed)
	}
	return nil
}

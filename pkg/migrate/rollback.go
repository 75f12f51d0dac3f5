package migrate

import (
	"context"
)

// RollBack replaces the driver's PersistentVolumes with the in-tree ones of the backups.
func (a *Applier) RollBack(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, a.outcome(RolledBack), func(ctx context.Context, v VolumePlan) (swapOutcome, error) {
		return a.replace(ctx, v, v.Replacement, v.Backup)
	})
}

// RollBackClasses restores the in-tree plugin's StorageClasses.
func (a *Applier) RollBackClasses(ctx context.Context) error {
	return a.classes(ctx, a.outcome(RolledBack), func(c ClassPlan) (from, to map[string]any) { return c.Replacement, c.Backup })
}

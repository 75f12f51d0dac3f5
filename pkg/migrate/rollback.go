package migrate

import (
	"context"
)

// RollBack puts the in-tree PersistentVolumes back in the place of those of the driver.
func (a *Applier) RollBack(ctx context.Context, selection Selection) error {
	return a.forEach(ctx, selection, a.outcome(RolledBack), func(ctx context.Context, v VolumePlan) (swapped, error) {
		return a.replace(ctx, v, v.Replacement, v.Backup)
	})
}

// RollBackClasses puts the StorageClasses of the in-tree plugin back.
func (a *Applier) RollBackClasses(ctx context.Context) error {
	return a.classes(ctx, a.outcome(RolledBack), func(c ClassPlan) (from, to map[string]any) { return c.Replacement, c.Backup })
}

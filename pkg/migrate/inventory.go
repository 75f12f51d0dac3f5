package migrate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Inventory holds the records of a configured Heketi, or the reason why they could not be read.
type Inventory struct {
	Backend string
	NoAdopt bool // the configuration has adopt: false
	Dump    heketi.Dump
	Err     error
}

// ReadInventories reads the records of every backend. A backend that cannot be read does not prevent the use of the others.
func ReadInventories(ctx context.Context, backends []*heketi.Backend) []Inventory {
	inventories := make([]Inventory, len(backends))
	var group errgroup.Group
	for i, b := range backends {
		group.Go(func() error {
			inventories[i] = readInventory(ctx, b)
			return nil
		})
	}
	_ = group.Wait()
	return inventories
}

func readInventory(ctx context.Context, b *heketi.Backend) Inventory {
	inventory := Inventory{Backend: b.Name(), NoAdopt: !b.Adopts()}
	client, err := b.Client(volume.Credentials{})
	if err == nil {
		inventory.Dump, err = client.Dump(ctx)
	}
	inventory.Err = err
	return inventory
}

// InventoryCache caches the records of each Heketi: a migration of many volumes takes hours, and reading the records for each
// volume would transfer megabytes each time.
type InventoryCache struct {
	Read   func(context.Context) []Inventory
	MaxAge time.Duration

	inventories []Inventory
	since       time.Time
}

// failedAge is how long a failed reading is kept: a Heketi that does not answer may cost seconds each time.
const failedAge = 10 * time.Second

// Get returns records that are no older than MaxAge, or than failedAge if a Heketi could not be read.
func (c *InventoryCache) Get(ctx context.Context) []Inventory {
	maxAge := c.MaxAge
	if slices.ContainsFunc(c.inventories, func(i Inventory) bool { return i.Err != nil }) {
		maxAge = min(maxAge, failedAge)
	}
	if c.inventories == nil || time.Since(c.since) > maxAge {
		c.inventories = nil // the old and the new records need not be in memory together
		began := time.Now()
		c.inventories, c.since = c.Read(ctx), began
	}
	return c.inventories
}

// inventoryOf returns a backend's records, or an error that explains why there are none.
func inventoryOf(inventories []Inventory, backend string) (Inventory, error) {
	i := slices.IndexFunc(inventories, func(each Inventory) bool { return each.Backend == backend })
	switch {
	case i < 0:
		return Inventory{}, fmt.Errorf("backend %q is not configured; use --config=FILE to give the configuration file that contains it", backend)
	case inventories[i].Err != nil:
		return Inventory{}, fmt.Errorf("backend %q cannot be read: %w", backend, inventories[i].Err)
	}
	return inventories[i], nil
}

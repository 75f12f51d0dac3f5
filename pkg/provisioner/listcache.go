package provisioner

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	// listCacheLifetime is the maximum age of the data that a list returns about a volume. The list of existing volumes is read
	// each time. Other clients of Heketi can change only the size of an existing volume and, if they add or remove nodes of the
	// cluster, its servers.
	listCacheLifetime = 10 * time.Minute
	// mostAsked is the maximum number of volumes that are requested one by one. Heketi answers that many in a few tenths of a
	// second. A dump takes as long as single requests for a fifth of all volumes.
	mostAsked = 100
)

// listCache remembers one backend's volumes between lists: with thousands of volumes Heketi needs seconds for a dump, and some
// orchestrators list every minute.
type listCache struct {
	mu      sync.Mutex
	whole   time.Time            // when the last dump was requested; zero: never
	asOf    time.Time            // when the list of existing volumes was requested
	entries map[string]entry     // by Heketi's id; replaced, never changed
	changed map[string]time.Time // volumes whose earlier answers are outdated
}

// entry is a volume that is complete. It may belong to another client of Heketi.
type entry struct {
	volume volume.Volume
	listed bool
}

func newEntry(backend string, v heketi.Volume) entry {
	return entry{volume: newVolume(backend, v), listed: !v.Block && volume.IsOurs(v.Name)}
}

// list returns the driver's own volumes that exist now.
func (c *listCache) list(ctx context.Context, client *heketi.Client, x *index) ([]listed, error) {
	asked := time.Now()
	entries, whole, err := c.collect(ctx, client, x)
	if err != nil {
		return nil, err
	}
	c.store(entries, asked, whole)
	var list []listed
	for _, e := range entries {
		if e.listed {
			list = append(list, listed{handle: e.volume.Handle.String(), volume: e.volume})
		}
	}
	return list, nil
}

// collect reads the ids of the volumes that exist, and the volumes that are not cached. whole reports whether all volumes were
// read.
func (c *listCache) collect(ctx context.Context, client *heketi.Client, x *index) (entries map[string]entry, whole bool, err error) {
	remembered := c.cached()
	if remembered == nil {
		entries, err = readEntries(ctx, client, x)
		return entries, true, err
	}
	// The clusters are checked before and after, so that a Heketi that loses or regains its database in between is noticed.
	if err := trustNow(ctx, client, x); err != nil {
		return nil, false, err
	}
	ids, err := client.VolumeIDs(ctx)
	if err != nil {
		return nil, false, err
	}
	entries = make(map[string]entry, len(ids))
	var missing []string
	for _, id := range ids {
		if e, ok := remembered[id]; ok {
			entries[id] = e
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > mostAsked {
		entries, err = readEntries(ctx, client, x)
		return entries, true, err
	}
	if err := askEach(ctx, client, x.backend, missing, entries); err != nil {
		return nil, false, err
	}
	return entries, false, trustNow(ctx, client, x)
}

func trustNow(ctx context.Context, client *heketi.Client, x *index) error {
	clusters, err := client.Clusters(ctx)
	if err != nil {
		return err
	}
	return x.trust(clusters)
}

// askEach requests the volumes one by one, and adds them to entries.
func askEach(ctx context.Context, client *heketi.Client, backend string, ids []string, entries map[string]entry) error {
	for _, id := range ids {
		found, err := client.Volume(ctx, id)
		if errors.Is(err, volume.ErrNotFound) {
			continue // the volume is being removed or cloned
		}
		if err != nil {
			return err
		}
		entries[id] = newEntry(backend, found)
	}
	return nil
}

// readEntries reads all volumes from a dump.
func readEntries(ctx context.Context, client *heketi.Client, x *index) (map[string]entry, error) {
	dump, err := x.recordsSince(ctx, client, time.Now())
	if err != nil {
		return nil, err
	}
	hosts := map[string][]string{} // shared by the volumes of a cluster
	entries := make(map[string]entry, len(dump.Volumes))
	for id, v := range dump.Volumes {
		if v.Pending != "" {
			continue
		}
		if _, ok := hosts[v.Cluster]; !ok {
			hosts[v.Cluster] = dump.Hosts(v.Cluster)
		}
		e := newEntry(x.backend, heketi.Volume{
			ID: id, Name: v.Name, Cluster: v.Cluster, SizeGiB: v.SizeGiB, GID: v.GID, Durability: v.Durability,
			Hosts: hosts[v.Cluster], Block: v.Block,
		})
		e.volume.MountOptions = v.MountOptions
		entries[id] = e
	}
	return entries, nil
}

// cached returns the cached entries, nil if everything has to be read.
func (c *listCache) cached() map[string]entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.whole) > listCacheLifetime { // or nothing was read yet
		return nil
	}
	remembered := maps.Clone(c.entries)
	for id := range c.changed {
		delete(remembered, id)
	}
	return remembered
}

// store remembers the result of a list that began at the given time.
func (c *listCache) store(entries map[string]entry, asked time.Time, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked.Before(c.asOf) {
		return
	}
	c.asOf, c.entries = asked, entries
	if whole {
		c.whole = asked
	}
	maps.DeleteFunc(c.changed, func(_ string, at time.Time) bool { return at.Before(asked) })
}

// invalidate makes the next list read the volume again, because its size may have changed.
func (c *listCache) invalidate(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.whole.IsZero() {
		return // there was no list, so nothing is cached
	}
	if c.changed == nil {
		c.changed = map[string]time.Time{}
	}
	c.changed[id] = time.Now()
}

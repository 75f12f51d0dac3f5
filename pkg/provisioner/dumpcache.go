package provisioner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// defaultRefresh is the maximum age of the cached group ids from which a create chooses a free one.
const defaultRefresh = 30 * time.Second

// recordsSince returns a dump of Heketi's records that was requested at or after since. The caller must not change it.
func (x *index) recordsSince(ctx context.Context, client *heketi.Client, since time.Time) (heketi.Dump, error) {
	if err := x.readSince(ctx, client, since); err != nil {
		return heketi.Dump{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.records, nil
}

// readSince makes sure that the cached dump was requested at or after since. If several concurrent callers need a newer dump, one
// of them reads it and the others wait.
func (x *index) readSince(ctx context.Context, client *heketi.Client, since time.Time) error {
	if x.readAfter(since) {
		return nil // even while another caller reads
	}
	waiting := time.Now()
	if x.reading.Acquire(ctx, 1) != nil {
		return fmt.Errorf("%w: backend %q: gave up waiting for its records: %w", volume.ErrUnavailable, x.backend, context.Cause(ctx))
	}
	defer x.reading.Release(1)
	if x.readAfter(since) {
		return nil
	}
	if !x.last.asked.Before(waiting) {
		return x.last.err // a Heketi that hangs delays all waiting callers once, not one after another
	}
	asked := time.Now()
	err := x.read(ctx, client)
	x.last = lastReading{}
	if ctx.Err() == nil && !errors.Is(err, volume.ErrUnauthenticated) { // a failure of this caller alone is not shared
		x.last = lastReading{asked: asked, err: err}
	}
	return err
}

// lastReading is guarded by index.reading.
type lastReading struct {
	asked time.Time
	err   error
}

// readAfter reports whether the cached dump was requested at or after since.
func (x *index) readAfter(since time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.asOf.IsZero() && !x.asOf.Before(since)
}

// read replaces the cached dump with a new one.
func (x *index) read(ctx context.Context, client *heketi.Client) error {
	asked := time.Now()
	dump, err := client.Dump(ctx)
	if err != nil {
		return err
	}
	if err := x.trust(slices.Collect(maps.Keys(dump.Clusters))); err != nil {
		return err
	}
	x.mu.Lock()
	x.own = x.ownBy(client.Backend())
	x.mu.Unlock()
	x.useDump(dump, asked)
	return nil
}

// useDump replaces the cached dump with one that was requested at the given time.
func (x *index) useDump(dump heketi.Dump, asked time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if asked.Before(x.asOf) {
		return
	}
	before := x.volumes
	x.records = dump
	x.asOf, x.volumes, x.taken, x.ours = asked, make(map[string]indexedVolume, len(dump.Volumes)), make(map[int64]int, len(dump.Volumes)), map[string]string{}
	for id, v := range dump.Volumes {
		x.add(id, indexedVolume{name: v.Name, gid: v.GID})
	}
	for id, v := range before {
		if _, recorded := x.volumes[id]; !recorded && !v.made.Before(asked) {
			x.add(id, v) // made after the dump was written
		}
	}
	for key, r := range x.held {
		if !r.expires.IsZero() && r.expires.Before(asked) {
			delete(x.held, key)
		}
	}
}

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// defaultRefresh is how old what is known of a backend's group ids may be when one is handed out.
const defaultRefresh = 30 * time.Second

// index is what is remembered of one backend between calls: its clusters, its volumes, and the group ids that are
// taken, so that a create needs no look-up; and its disks. All of it comes from Heketi's own records, and is read again
// while creates happen, since others make volumes too.
type index struct {
	backend string
	refresh time.Duration
	reading chan struct{} // holds a token while somebody reads
	failed  failedReading // the last one, if it has failed

	catalogue catalogue

	mu       sync.Mutex
	asOf     time.Time              // when the records in use were asked for; zero: never
	clusters map[string]struct{}    // all that were ever seen
	records  heketi.Dump            // the records in use; replaced, never changed
	volumes  map[string]known       // by Heketi's id
	taken    map[int64]int          // group id -> volumes that have it
	ours     map[string]string      // key of the CSI name -> gluster volume name
	held     map[string]reservation // by the key of the CSI name
	deleted  map[string]time.Time   // when a volume of that id was deleted, for a while
	expanded map[string]int64       // by Heketi's id: bytes that an expand has told, until the volume is looked up
}

// known is a volume of the backend, pending or not, whoever made it.
type known struct {
	name string
	gid  int64
	made time.Time // when this process learned that it made it; zero: it is in the records
}

// reservation keeps a group id for a volume that is being made, or may be.
type reservation struct {
	name    string // of the gluster volume, as Heketi was told
	gid     int64
	expires time.Time // records asked for later than this tell whether there is a volume; zero: the create runs
	late    time.Time // until then a create that was not answered may still be carried out ...
	cluster string    // ... in this cluster
	resent  bool      // another one was sent since: a volume that is found may be that one's
}

func newIndex(backend string, refresh time.Duration) *index {
	return &index{
		backend: backend, refresh: refresh, reading: make(chan struct{}, 1),
		clusters: map[string]struct{}{}, volumes: map[string]known{}, taken: map[int64]int{},
		ours: map[string]string{}, held: map[string]reservation{}, deleted: map[string]time.Time{}, expanded: map[string]int64{},
	}
}

// csiKey is the same for all gluster volume names of one CSI name: their digest. Classes that name volumes
// differently must not make a second volume.
func csiKey(name string) string { return name[strings.LastIndex(name, "-")+1:] }

// reserve returns a group id of the range that no volume of the backend has and that nobody else is given, until one
// of made and doubt. ErrExhausted: there is none.
//
// It also returns the name to make the volume under: that of an earlier create of the same CSI name whose outcome is
// in doubt, which may have been another, and under which Heketi will find the volume.
func (x *index) reserve(ctx context.Context, client *heketi.Client, name string, gids volume.GIDRange) (reservation, error) {
	if err := x.readSince(ctx, client, time.Now().Add(-x.refresh)); err != nil {
		return reservation{}, err
	}
	picked, err := x.pick(name, gids)
	if err == nil {
		return picked, nil
	}
	// Somebody else may have deleted volumes.
	if err := x.readSince(ctx, client, time.Now()); err != nil {
		return reservation{}, err
	}
	return x.pick(name, gids)
}

func (x *index) pick(name string, gids volume.GIDRange) (reservation, error) {
	key := csiKey(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	held := make(map[int64]bool, len(x.held))
	for k, r := range x.held {
		held[r.gid] = held[r.gid] || k != key
	}
	picked := reservation{name: name}
	earlier, again := x.held[key]
	if again {
		picked.late, picked.cluster, picked.resent = earlier.late, earlier.cluster, earlier.resent
	}
	if again && earlier.name != "" { // a damaged note does not tell
		picked.name = earlier.name
	}
	if again && gids.Contains(earlier.gid) && !held[earlier.gid] && x.taken[earlier.gid] == 0 {
		picked.gid = earlier.gid
	} else {
		var err error
		picked.gid, err = gids.Lowest(func(gid int64) bool { return held[gid] || x.taken[gid] > 0 })
		if err != nil {
			return reservation{}, err
		}
	}
	x.held[key] = picked
	return picked, nil
}

// made ends a reservation: there is a volume now. The group id of a create that may be late stays reserved, because that
// create makes a second volume if it arrives after the first one was deleted.
func (x *index) made(v volume.Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := csiKey(v.Name)
	if r := x.held[key]; r.late.After(time.Now()) {
		r.expires = r.late
		x.held[key] = r
	} else {
		delete(x.held, key)
	}
	x.remove(v.Handle.ID)
	x.add(v.Handle.ID, known{name: v.Name, gid: v.GID, made: time.Now()})
}

// doubt keeps the reservation of a create that has ended without a volume until later records show whether there is one.
func (x *index) doubt(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[csiKey(name)]; ok && r.expires.IsZero() {
		r.expires = time.Now().Add(x.refresh)
		if r.late.After(r.expires) {
			r.expires = r.late
		}
		x.held[csiKey(name)] = r
	}
}

// unanswered notes that a create may still be carried out until a time, in a cluster.
func (x *index) unanswered(name, cluster string, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[csiKey(name)]; ok {
		r.resent = r.late.After(time.Now())
		r.late, r.cluster = until, cluster
		x.held[csiKey(name)] = r
	}
}

// answered notes that a create has made the volume, while an earlier one may still be carried out.
func (x *index) answered(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[csiKey(name)]; ok && r.late.After(time.Now()) {
		r.resent = true
		x.held[csiKey(name)] = r
	}
}

// settled forgets a create that may be late when its volume is found, and reports whether it has: only one was sent.
func (x *index) settled(name, cluster string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok := x.held[csiKey(name)]
	if !ok || r.late.IsZero() || r.resent || r.cluster != cluster {
		return false
	}
	r.late = time.Time{}
	x.held[csiKey(name)] = r
	return true
}

// remember reserves what a create of an earlier process may still make.
func (x *index) remember(key string, request sent, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[key] = reservation{name: request.Name, gid: request.GID, expires: until, late: until, cluster: request.Cluster}
}

// late returns the cluster in which an earlier create of the CSI name may still be carried out, and until when; zero is none.
func (x *index) late(name string) (cluster string, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.held[csiKey(name)]; r.late.After(time.Now()) {
		return r.cluster, r.late
	}
	return "", time.Time{}
}

// gone forgets a volume that was deleted.
func (x *index) gone(id string) {
	const longestCreate = time.Hour // that may still hold an answer about the volume
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
	maps.DeleteFunc(x.deleted, func(_ string, at time.Time) bool { return time.Since(at) > longestCreate })
	x.deleted[id] = time.Now()
	delete(x.expanded, id)
}

// wasDeleted reports whether this process has deleted the volume.
func (x *index) wasDeleted(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, ok := x.deleted[id]
	return ok
}

// hasOther reports whether the CSI name has a volume with another gluster volume name.
func (x *index) hasOther(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	other, ok := x.ours[csiKey(name)]
	return ok && other != name
}

// recordsSince returns Heketi's records, which are not older than since. The caller must not change them.
func (x *index) recordsSince(ctx context.Context, client *heketi.Client, since time.Time) (heketi.Dump, error) {
	if err := x.readSince(ctx, client, since); err != nil {
		return heketi.Dump{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.records, nil
}

// readSince makes sure that the records in use are not older than since. Those who need newer ones at the same time wait
// for one of them to read.
func (x *index) readSince(ctx context.Context, client *heketi.Client, since time.Time) error {
	if x.readAfter(since) {
		return nil // no matter who else reads
	}
	waiting := time.Now()
	select {
	case x.reading <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: backend %q: gave up waiting for its records: %w", volume.ErrUnavailable, x.backend, context.Cause(ctx))
	}
	defer func() { <-x.reading }()
	if x.readAfter(since) {
		return nil
	}
	if x.failed.err != nil && !x.failed.asked.Before(waiting) {
		return x.failed.err // a Heketi that hangs is waited for once by all who wait, not by one after another
	}
	asked := time.Now()
	err := x.read(ctx, client)
	x.failed = failedReading{}
	if err != nil && ctx.Err() == nil && !errors.Is(err, volume.ErrUnauthenticated) { // not the caller's own
		x.failed = failedReading{asked: asked, err: err}
	}
	return err
}

// failedReading is guarded by the token in index.reading.
type failedReading struct {
	asked time.Time
	err   error
}

// readAfter reports whether the records in use were asked for at that time or later.
func (x *index) readAfter(since time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.asOf.IsZero() && !x.asOf.Before(since)
}

// read makes Heketi's records of now the ones in use.
func (x *index) read(ctx context.Context, client *heketi.Client) error {
	asked := time.Now()
	dump, err := client.Dump(ctx)
	if err != nil {
		return err
	}
	if err := x.trust(slices.Collect(maps.Keys(dump.Clusters))); err != nil {
		return err
	}
	x.take(dump, asked)
	return nil
}

// trust refuses a Heketi that has lost its database (it knows no cluster), or has another one than it had before in
// the life of this process (it knows none of the clusters that it knew). The latter cannot be told after a restart of
// the driver, unless the configuration names clusters (which the client checks): nothing else outside Heketi records
// which database made a volume, and a handle cannot name the cluster without becoming invalid for every volume that
// exists.
func (x *index) trust(clusters []string) error {
	if len(clusters) == 0 {
		return noClusters(x.backend)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	some := slices.ContainsFunc(clusters, func(id string) bool {
		_, ok := x.clusters[id]
		return ok
	})
	if len(x.clusters) > 0 && !some {
		slices.Sort(clusters)
		return fmt.Errorf("%w: backend %q cannot be trusted: it knows none of the clusters that it knew before, only %s, so that its database "+
			"is probably not the one that has the volumes; restore that, or restart the driver if the clusters were replaced on purpose",
			volume.ErrUnavailable, x.backend, strings.Join(clusters, ", "))
	}
	for _, id := range clusters {
		x.clusters[id] = struct{}{}
	}
	return nil
}

// take replaces what is known by the records that were asked for at that time.
func (x *index) take(dump heketi.Dump, asked time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if asked.Before(x.asOf) {
		return
	}
	before := x.volumes
	x.records = dump
	x.asOf, x.volumes, x.taken, x.ours = asked, make(map[string]known, len(dump.Volumes)), make(map[int64]int, len(dump.Volumes)), map[string]string{}
	for id, v := range dump.Volumes {
		x.add(id, known{name: v.Name, gid: v.GID})
	}
	for id, v := range before {
		if _, recorded := x.volumes[id]; !recorded && !v.made.IsZero() && !v.made.Before(asked) {
			x.add(id, v) // made after these records were written
		}
	}
	for key, r := range x.held {
		if !r.expires.IsZero() && r.expires.Before(asked) {
			delete(x.held, key)
		}
	}
}

func (x *index) add(id string, v known) {
	x.volumes[id] = v
	x.taken[v.gid]++
	if volume.IsOurs(v.name) {
		x.ours[csiKey(v.name)] = v.name
	}
}

func (x *index) remove(id string) {
	v, ok := x.volumes[id]
	if !ok {
		return
	}
	delete(x.volumes, id)
	if x.taken[v.gid]--; x.taken[v.gid] == 0 {
		delete(x.taken, v.gid)
	}
	if x.ours[csiKey(v.name)] == v.name {
		delete(x.ours, csiKey(v.name))
	}
}

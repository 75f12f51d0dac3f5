package provisioner

import (
	"cmp"
	"context"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// reservation keeps a group id for a volume that is being made or may still be made.
type reservation struct {
	name    string // of the gluster volume, as sent to Heketi
	gid     int64
	expires time.Time // a dump requested after this time shows whether there is a volume; zero: the create runs
	late    time.Time // until then an unanswered create may still be carried out ...
	cluster string    // ... in this cluster
	resent  bool      // another create was sent since: a volume that is found may come from it
}

// reserve returns a group id of the range that no volume of the backend has. No other create gets it until made or doubt is
// called. ErrExhausted is returned when the range has no free one.
//
// reserve also returns the name under which to make the volume. If the outcome of an earlier create of the same CSI name is in
// doubt, this is the name that the earlier create used, which may differ from the requested one: Heketi has the volume, if any,
// under that name.
func (x *index) reserve(ctx context.Context, client *heketi.Client, name string, gids volume.GIDRange) (reservation, error) {
	if err := x.readSince(ctx, client, time.Now().Add(-x.refresh)); err != nil {
		return reservation{}, err
	}
	picked, err := x.pick(name, gids)
	if err == nil {
		return picked, nil
	}
	// Other callers may have deleted volumes.
	if err := x.readSince(ctx, client, time.Now()); err != nil {
		return reservation{}, err
	}
	return x.pick(name, gids)
}

func (x *index) pick(name string, gids volume.GIDRange) (reservation, error) {
	key := volume.NameKey(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	held := make(map[int64]bool, len(x.held))
	for k, r := range x.held {
		if k != key {
			held[r.gid] = true
		}
	}
	earlier := x.held[key]
	picked := reservation{
		name: cmp.Or(earlier.name, name), // a damaged note has no name
		late: earlier.late, cluster: earlier.cluster, resent: earlier.resent,
	}
	if gids.Contains(earlier.gid) && !held[earlier.gid] && x.taken[earlier.gid] == 0 {
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

// made ends a reservation because the volume exists. The group id of a create that may be late stays reserved, because that
// create makes a second volume if it arrives after the first one was deleted.
func (x *index) made(v volume.Volume) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := volume.NameKey(v.Name)
	if r := x.held[key]; r.late.After(time.Now()) {
		r.expires = r.late
		x.held[key] = r
	} else {
		delete(x.held, key)
	}
	x.remove(v.Handle.ID)
	x.add(v.Handle.ID, indexedVolume{name: v.Name, gid: v.GID, made: time.Now()})
}

// doubt keeps the reservation until a later dump shows whether the volume exists.
func (x *index) doubt(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[volume.NameKey(name)]; ok && r.expires.IsZero() {
		r.expires = time.Now().Add(x.refresh)
		if r.late.After(r.expires) {
			r.expires = r.late
		}
		x.held[volume.NameKey(name)] = r
	}
}

// unanswered records that a create may still be carried out in the cluster until the given time.
func (x *index) unanswered(name, cluster string, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[volume.NameKey(name)]; ok {
		r.resent = r.late.After(time.Now())
		r.late, r.cluster = until, cluster
		x.held[volume.NameKey(name)] = r
	}
}

// answered records that a create has made the volume, while an earlier one may still be carried out.
func (x *index) answered(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.held[volume.NameKey(name)]; r.late.After(time.Now()) {
		r.resent = true
		x.held[volume.NameKey(name)] = r
	}
}

// forgetLate is called when a volume was found: it forgets the late create that made it, if no other create was sent. It reports
// whether it did.
func (x *index) forgetLate(name, cluster string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.held[volume.NameKey(name)]
	if r.late.IsZero() || r.resent || r.cluster != cluster {
		return false
	}
	r.late = time.Time{}
	x.held[volume.NameKey(name)] = r
	return true
}

// reserveLate reserves the group id and name of an earlier process's create that may still be carried out.
func (x *index) reserveLate(key string, request sent, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[key] = reservation{name: request.Name, gid: request.GID, expires: until, late: until, cluster: request.Cluster}
}

// late returns the cluster in which an earlier create of the CSI name may still be carried out, and until when; zero if there is
// none.
func (x *index) late(name string) (cluster string, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.held[volume.NameKey(name)]; r.late.After(time.Now()) {
		return r.cluster, r.late
	}
	return "", time.Time{}
}

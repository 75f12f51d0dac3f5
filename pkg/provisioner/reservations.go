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
	late    time.Time // until then an unanswered create may still be carried out; zero: there is none
	cluster string    // of the unanswered create
	overdue bool      // the unanswered create is too old to be begun, but Heketi may have begun it in time; see checkOverdueCreate
	others  bool      // a volume that is found may come from a create other than the unanswered one
}

// reserve returns a group id of the range that no volume of the backend has. No other create gets the id while this create runs;
// at its end the caller must call made or doubt. ErrExhausted is returned when the range has no free id.
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
		late: earlier.late, cluster: earlier.cluster, overdue: earlier.overdue, others: earlier.others,
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

// made ends a reservation because the volume exists. If an unanswered create may still be carried out, its group id stays
// reserved: that create makes a second volume if it arrives after the first one was deleted.
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

// hasEarlier is called before a create is sent. It reports whether an earlier create of the CSI name has made a volume or may still
// make one. If so, a volume that is found later may come from the earlier create.
func (x *index) hasEarlier(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.held[volume.NameKey(name)]
	_, recorded := x.ours[volume.NameKey(name)]
	return recorded || r.others || r.late.After(time.Now())
}

// unanswered records that a create may still be carried out in the cluster until the given time. earlier is the result of
// hasEarlier before the create was sent.
func (x *index) unanswered(name, cluster string, until time.Time, earlier bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[volume.NameKey(name)]; ok {
		r.late, r.cluster, r.overdue, r.others = until, cluster, false, earlier
		x.held[volume.NameKey(name)] = r
	}
}

// accepted records that Heketi has begun a create. Even if the outcome is not known, a volume that is found later may come from
// this create. Such a volume does not prove that an earlier, unanswered create was carried out.
func (x *index) accepted(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[volume.NameKey(name)]; ok {
		r.others = true
		x.held[volume.NameKey(name)] = r
	}
}

// forgetLate is called when a volume was found. If only the unanswered create can have made the volume, forgetLate forgets that
// create. It reports whether no unanswered create is left.
func (x *index) forgetLate(name, cluster string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.held[volume.NameKey(name)]
	if r.late.IsZero() {
		return true
	}
	if r.others || r.cluster != cluster {
		return false
	}
	r.late, r.overdue = time.Time{}, false
	x.held[volume.NameKey(name)] = r
	return true
}

// reserveLate reserves the group id and name of a create that may still be carried out. The create is known only from its note in
// the journal.
func (x *index) reserveLate(key string, request sent, until time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[key] = reservation{name: request.Name, gid: request.GID, expires: until, late: until, cluster: request.Cluster, others: request.Others}
}

// reserveOverdue is like reserveLate, for an overdue create.
func (x *index) reserveOverdue(key string, request sent, until time.Time) {
	x.reserveLate(key, request, until)
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.held[key]
	r.overdue = true
	x.held[key] = r
}

// isOverdue reports whether the last unanswered create of the CSI name is too old for Heketi to begin it now. It returns true also
// if the index has no unanswered create of the name; the journal may have one.
func (x *index) isOverdue(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.held[volume.NameKey(name)]
	return r.overdue || !r.late.After(time.Now())
}

// endLate forgets an unanswered create that can no longer be carried out.
func (x *index) endLate(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, ok := x.held[volume.NameKey(name)]; ok {
		r.late, r.overdue = time.Time{}, false
		x.held[volume.NameKey(name)] = r
	}
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

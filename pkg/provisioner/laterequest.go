package provisioner

import (
	"context"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// checkLateExpand returns ErrBusy while an earlier request to expand the volume may still be carried out.
//
// Heketi checks a request's age only when it begins to process the request. After that, the request may wait indefinitely for
// Heketi's database, because the database's disk may hang. Such a request appears in none of Heketi's records, but Heketi counts
// it as in flight.
func checkLateExpand(ctx context.Context, client *heketi.Client, journal *Journal, key string, v heketi.Volume) error {
	late, unanswered := journal.expandOf(key, v)
	return journal.checkLate(ctx, client, key, late, unanswered, v)
}

// checkLateDelete returns ErrBusy while an earlier request to delete the volume may still be carried out. A delete that runs at
// the same time as an expand leaves Heketi with half a record of the volume.
func checkLateDelete(ctx context.Context, client *heketi.Client, journal *Journal, handle volume.Handle, v heketi.Volume) error {
	key := deleteKey(handle)
	late, unanswered := journal.deleteOf(key)
	return journal.checkLate(ctx, client, key, late, unanswered, v)
}

// checkLateCreate returns an error while an unanswered create of the volume may still be carried out. It does not change the
// note: only creates of the CSI name do, and one of them may run at the same time.
func checkLateCreate(ctx context.Context, client *heketi.Client, x *index, journal *Journal, v heketi.Volume) error {
	if _, late := x.late(v.Name); !late.IsZero() {
		return fmt.Errorf("%w: a create of gluster volume %s was not answered and may still be carried out until %s; it would make the volume again",
			volume.ErrBusy, v.Name, until(late))
	}
	key := createKey(client.Backend().Name(), v.Name)
	late, unanswered := journal.createOf(key)
	if !unanswered {
		return nil
	}
	if err := late.check(ctx, client, v); err != nil {
		return err
	}
	if now, _ := journal.createOf(key); !now.At.Equal(late.At) { // Heketi's answer is about the earlier create only
		return fmt.Errorf("%w: gluster volume %s is being created by another call; repeat the delete", volume.ErrBusy, v.Name)
	}
	return nil
}

// checkLate returns ErrBusy while an unanswered request for the volume may still be carried out. Otherwise it forgets the request.
func (j *Journal) checkLate(ctx context.Context, client *heketi.Client, key string, late lateRequest, unanswered bool, v heketi.Volume) error {
	if unanswered {
		if err := late.check(ctx, client, v); err != nil {
			return err
		}
	}
	j.forget(key)
	return nil
}

// checkOverdueCreate looks for an overdue create: an unanswered create that is too old for Heketi to begin it now. But Heketi may
// have begun it in time, and not have recorded it yet. While Heketi has any unrecorded request, the volume may appear at any
// time, and a create in another cluster would make a second volume. In this case checkOverdueCreate prolongs the reservation as
// if the request were sent now. Otherwise it forgets the create, unless the volume exists: no caller has got the volume, so the
// note stays until find returns it.
//
// overdue is true if there is an overdue create, or an accepted create whose end is unknown. The caller must then look for the
// volume, because Heketi may just have recorded it.
func (c *creating) checkOverdueCreate(ctx context.Context) (overdue bool, err error) {
	key := createKey(c.backend, c.name)
	note, ok := c.journal.createOf(key)
	switch {
	case ok && note.Accepted:
		return true, nil // nothing is unrecorded
	case !ok || !c.index.isOverdue(c.name):
		return false, nil
	}
	unrecorded, err := settleCreate(ctx, c.client, c.index)
	if err != nil || unrecorded > 0 {
		c.journal.unanswered(key) // so that OpenJournal keeps the note
	}
	if err != nil {
		return true, err
	}
	if unrecorded > 0 {
		timing := c.client.Timing()
		c.index.reserveOverdue(volume.NameKey(c.name), note.sent, time.Now().Add(timing.Exchange+timing.Late))
		return true, nil
	}
	c.index.endLate(c.name)
	if c.index.recorded(volume.NameKey(c.name)) == "" {
		c.journal.forget(key)
	}
	return true, nil
}

// check returns an error while the request may still be carried out.
func (late lateRequest) check(ctx context.Context, client *heketi.Client, v heketi.Volume) error {
	if time.Now().Before(late.until) {
		return fmt.Errorf("%w: gluster volume %s has %d GiB. %s and may still be carried out until %s; "+
			"until then the driver sends no conflicting request", volume.ErrBusy, v.Name, v.SizeGiB, late, until(late.until))
	}
	unrecorded, err := client.Unrecorded(ctx)
	if err != nil {
		return err
	}
	if unrecorded > 0 {
		return fmt.Errorf("%w: gluster volume %s: %s, and Heketi is working on %s that its database does not show yet, "+
			"perhaps on this %s. Does the disk of Heketi's database hang?", volume.ErrBusy, v.Name, late, plain.Plural(unrecorded, "request"), late.what)
	}
	return nil
}

// String names the request, as the beginning of a sentence.
func (late lateRequest) String() string {
	at := late.At.UTC().Format(time.TimeOnly)
	if late.Suspect {
		return fmt.Sprintf("The driver was started at %s without its predecessor's notes, so an earlier %s is perhaps unanswered", at, late.what)
	}
	return fmt.Sprintf("The %s sent at %s was not answered", late.what, at)
}

func until(t time.Time) string { return t.UTC().Format("15:04:05 MST") }

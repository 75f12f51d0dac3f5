package provisioner

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// deletion is one request to remove a volume. It is comparable: only equal requests are joined.
type deletion struct {
	handle      volume.Handle
	credentials volume.Credentials
}

// Delete implements volume.Provisioner.
func (p *Provisioner) Delete(ctx context.Context, handle volume.Handle, credentials volume.Credentials) error {
	client, err := p.client(handle, credentials)
	if err != nil {
		return err
	}
	request := deletion{handle: handle, credentials: credentials}
	x := p.index(handle.Backend)
	_, err = p.inflight.do(ctx, task{kind: "delete", subject: handle.String(), key: volumeKey(handle), request: request},
		func(ctx context.Context) (volume.Volume, error) {
			return volume.Volume{}, request.run(ctx, client, x, p.journal)
		})
	return err
}

func (d deletion) run(ctx context.Context, client *heketi.Client, x *index, journal *Journal) error {
	err := d.attempt(ctx, client, x, journal)
	if cleanUp(ctx, client, x, err) {
		err = d.attempt(ctx, client, x, journal)
	}
	if err == nil {
		x.recordDeleted(d.handle.ID)
		journal.forget(volumeKey(d.handle))
		journal.forget(deleteKey(d.handle))
	}
	return err
}

func (d deletion) attempt(ctx context.Context, client *heketi.Client, x *index, journal *Journal) error {
	found, err := client.Volume(ctx, d.handle.ID)
	if err != nil {
		return d.goneIfMissing(ctx, client, x, err)
	}
	if err := checkOwner(client.Backend(), d.handle, found); err != nil {
		return err
	}
	// A late expand that Heketi carries out during the delete would put the volume back into Heketi's records. A late create that
	// Heketi carries out after the delete would make the volume again, and no caller would know of it.
	if late, _ := journal.expandOf(volumeKey(d.handle), found); !late.Suspect {
		if err := checkLateExpand(ctx, client, journal, volumeKey(d.handle), found); err != nil {
			return err
		}
	}
	if volume.IsOurs(found.Name) {
		if err := checkLateCreate(ctx, client, x, journal, found); err != nil {
			return err
		}
	}
	err = d.send(ctx, client, journal)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, volume.ErrNotFound):
		return d.goneIfMissing(ctx, client, x, err)
	case heketi.OutcomeOf(err) == heketi.Unknown:
		return d.resolve(ctx, client, x, err)
	case heketi.OutcomeOf(err) == heketi.Failed:
		return d.failed(ctx, client, x, found.Name, err)
	}
	return err
}

// send sends the request. It keeps a note of the request until the outcome is known, because no expand may be sent before that.
// If the note cannot be written, the delete is sent all the same: an expand of a volume that is being deleted can only be a
// mistake.
func (d deletion) send(ctx context.Context, client *heketi.Client, journal *Journal) error {
	key := deleteKey(d.handle)
	_, earlier := journal.deleteOf(key)
	if err := journal.record(key, sent{}); err != nil {
		klog.FromContext(ctx).Error(err, "Deleting a volume without a note of the request", "volume", d.handle)
	}
	err := client.DeleteVolume(ctx, d.handle.ID)
	switch {
	case heketi.MayBeLate(err):
		journal.unanswered(key)
	case err == nil, !earlier: // after any other error, the earlier request may still be carried out
		journal.forget(key)
	}
	return err
}

// failed returns the error of a delete that failed after Heketi had begun it. It returns ErrBusy if Heketi could not undo the
// delete. Heketi stops the gluster volume first, and does not start it again after a failure.
func (d deletion) failed(ctx context.Context, client *heketi.Client, x *index, name string, failure error) error {
	if _, err := client.Volume(ctx, d.handle.ID); err != nil {
		return d.goneIfMissing(ctx, client, x, err)
	}
	return fmt.Errorf("%w; the attempt may have left gluster volume %s stopped: it cannot be mounted, and the delete must be repeated", failure, name)
}

// resolve looks at the volume after a delete whose outcome is unknown.
func (d deletion) resolve(ctx context.Context, client *heketi.Client, x *index, cause error) error {
	klog.FromContext(ctx).Info("Looking for a volume whose delete has an unknown outcome", "volume", d.handle, "err", cause)
	_, err := client.Volume(ctx, d.handle.ID)
	if err == nil {
		return fmt.Errorf("%w: the volume is still there; repeat the delete: %s", volume.ErrUnavailable, cause.Error())
	}
	return d.goneIfMissing(ctx, client, x, err)
}

// goneIfMissing returns nil if the volume is known to be gone.
func (d deletion) goneIfMissing(ctx context.Context, client *heketi.Client, x *index, err error) error {
	if err = explainMissing(ctx, client, x, d.handle, err); errors.Is(err, volume.ErrNotFound) {
		return nil
	}
	return err
}

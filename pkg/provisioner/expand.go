package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// expansion is one request for a larger volume. It is comparable: only equal requests are joined.
type expansion struct {
	handle      volume.Handle
	capacity    volume.Capacity
	credentials volume.Credentials
}

// Expand implements volume.Provisioner.
func (p *Provisioner) Expand(ctx context.Context, handle volume.Handle, capacity volume.Capacity, credentials volume.Credentials) (int64, error) {
	size, err := p.expand(ctx, handle, capacity, credentials)
	final := err != nil && !errors.Is(err, volume.ErrBusy) && !errors.Is(err, volume.ErrUnavailable) && !errors.Is(err, volume.ErrNotFound)
	if final && p.journal.hasExpand(volumeKey(handle)) {
		return 0, fmt.Errorf("%w: an earlier expand was not answered and may still be carried out: %s", volume.ErrUnavailable, err.Error())
	}
	if errors.Is(err, volume.ErrUnauthenticated) {
		return 0, loginError{err} // Heketi may have accepted an earlier expand
	}
	return size, err
}

func (p *Provisioner) expand(ctx context.Context, handle volume.Handle, capacity volume.Capacity, credentials volume.Credentials) (int64, error) {
	target, err := capacity.SizeGiB(1)
	if err != nil {
		return 0, err
	}
	client, err := p.client(handle, credentials)
	if err != nil {
		return 0, err
	}
	request := expansion{handle: handle, capacity: capacity, credentials: credentials}
	run := expanding{expansion: request, targetGiB: target, client: client, index: p.index(handle.Backend), journal: p.journal}
	expanded, err := p.inflight.do(ctx, task{kind: "expand", subject: handle.String(), key: volumeKey(handle), request: request}, run.run)
	if err == nil {
		run.index.recordSize(expanded)
	}
	return expanded.CapacityBytes, err
}

// expanding is an expansion in progress. A request tells Heketi the difference in size, not the new size. Heketi does not
// recognise repeated requests, and loses one of two requests that overlap. So the difference is sent at most once. It is computed
// from Heketi's own figure, which is read when no operation on the volume is pending and no earlier request can be on its way.
type expanding struct {
	expansion
	targetGiB int // the size that the capacity requires
	client    *heketi.Client
	index     *index
	journal   *Journal
}

func (e *expanding) run(ctx context.Context) (volume.Volume, error) {
	defer e.index.listCache.invalidate(e.handle.ID)
	found, err := e.inspect(ctx)
	if err != nil {
		return volume.Volume{}, err
	}
	need, err := e.need(found)
	if err != nil {
		return volume.Volume{}, err
	}
	if need == 0 {
		return newVolume(e.handle.Backend, found), nil
	}
	if err := checkLateDelete(ctx, e.client, e.journal, e.handle, found); err != nil {
		return volume.Volume{}, err
	}
	e.journal.suspect(volumeKey(e.handle))
	if err := checkLateExpand(ctx, e.client, e.journal, volumeKey(e.handle), found); err != nil {
		return volume.Volume{}, err
	}
	expanded, begun, err := e.send(ctx, found, need)
	if !begun {
		return volume.Volume{}, err
	}
	switch outcome := heketi.OutcomeOf(err); {
	case err == nil:
		return e.enough(expanded, "Heketi has expanded it, but another caller did so at the same time")
	case outcome == heketi.Unknown:
		return e.resolve(ctx, err)
	case outcome == heketi.Failed:
		return e.failed(ctx, need, err)
	case errors.Is(err, volume.ErrNotFound):
		return volume.Volume{}, explainMissing(ctx, e.client, e.index, e.handle, err)
	case errors.Is(err, volume.ErrExhausted):
		return volume.Volume{}, e.exhausted(ctx, found, need, err)
	}
	return volume.Volume{}, err
}

// send sends the request once, and keeps a note of it on disk until its outcome is known. After send has got one of the backend's
// operation slots, it looks at the volume again before it sends the request. begun is false if an error occurred before the
// request was sent.
func (e *expanding) send(ctx context.Context, v heketi.Volume, need int) (expanded heketi.Volume, begun bool, err error) {
	key := volumeKey(e.handle)
	expanded, err = e.client.ExpandVolume(ctx, e.handle.ID, need, func() error {
		if err := e.lookAgain(ctx, v); err != nil {
			return err
		}
		err := e.journal.record(key, sent{SizeGiB: v.SizeGiB, MoreGiB: need})
		begun = err == nil
		return err
	})
	if heketi.MayBeLate(err) {
		e.journal.unanswered(key)
	} else {
		e.journal.forget(key)
	}
	return expanded, begun, err
}

// lookAgain reads the volume a second time, a little later. A Heketi that was suspended answers the requests that arrived
// meanwhile in any order, so its first answer may not yet show an expand that it has already received. If the volume's size
// differs from that of its bricks, Heketi has lost an expand, and a further expand would not be safe.
func (e *expanding) lookAgain(ctx context.Context, first heketi.Volume) error {
	select {
	case <-time.After(e.client.Timing().Again):
	case <-ctx.Done():
		return fmt.Errorf("%w: the driver is being stopped: %w", volume.ErrUnavailable, context.Cause(ctx))
	}
	now, err := e.inspect(ctx)
	if err != nil {
		return err
	}
	if now.SizeGiB != first.SizeGiB || !slices.Equal(now.Bricks, first.Bricks) {
		return fmt.Errorf("%w: gluster volume %s was changed by another caller while the driver looked at it", volume.ErrBusy, now.Name)
	}
	if held, ok := now.DataGiB(); ok && held != now.SizeGiB {
		return fmt.Errorf("%w: gluster volume %s has %d GiB by Heketi's records, but bricks for %d GiB: an earlier expand was cut off, or two expands have overlapped. "+
			"The driver does not expand it; compare it with gluster volume info %s, and correct Heketi's database",
			volume.ErrPrecondition, now.Name, now.SizeGiB, held, now.Name)
	}
	return nil
}

// inspect returns the volume if no operation of Heketi's is changing it and this driver may change it. The operations are listed
// before the volume is read. When the volume is read, an expand that is not in the list has ended, so that the size includes it,
// or is still running, so that lookAgain finds it. In the other order, an expand that ends between the two requests would be
// neither in the list nor in the size.
func (e *expanding) inspect(ctx context.Context) (heketi.Volume, error) {
	// Creates and deletes are skipped: Heketi hides a volume that is being made or removed, so reading the volume fails.
	listed, err := e.client.Operations(ctx)
	if err != nil {
		return heketi.Volume{}, err
	}
	operations := make([]heketi.Operation, 0, len(listed))
	for _, op := range listed {
		if op.Type == heketi.OperationCreateVolume || op.Type == heketi.OperationDeleteVolume {
			continue
		}
		op, err := e.client.Operation(ctx, op.ID)
		if errors.Is(err, volume.ErrNotFound) {
			continue // the operation has ended
		}
		if err != nil {
			return heketi.Volume{}, err
		}
		operations = append(operations, op)
	}
	found, err := e.client.Volume(ctx, e.handle.ID)
	if err != nil {
		return heketi.Volume{}, explainMissing(ctx, e.client, e.index, e.handle, err)
	}
	if err := checkOwner(e.client.Backend(), e.handle, found); err != nil {
		return heketi.Volume{}, err
	}
	for _, op := range operations {
		if op.Touches(found) {
			return heketi.Volume{}, busyVolume(op, found)
		}
	}
	return found, nil
}

func busyVolume(op heketi.Operation, v heketi.Volume) error {
	if isAbandoned(op.Status) {
		return fmt.Errorf("%w: the size of gluster volume %s, %d GiB, is uncertain until Heketi has undone operation %s (%s, %s). "+
			"Heketi undoes it by itself unless its cleaner is off. Before you clean up by hand, look at gluster volume info: "+
			"Heketi removes the new bricks without asking gluster", volume.ErrBusy, v.Name, v.SizeGiB, op.ID, op.Type, op.Status)
	}
	return fmt.Errorf("%w: gluster volume %s is being changed by Heketi's operation %s (%s)", volume.ErrBusy, v.Name, op.ID, op.Type)
}

// need returns by how many GiB the volume has to grow.
func (e *expanding) need(v heketi.Volume) (int, error) {
	limit, current := e.capacity.LimitBytes, int64(v.SizeGiB)*volume.GiB
	if e.capacity.Allows(current) {
		return 0, nil
	}
	if limit > 0 && current > limit {
		return 0, fmt.Errorf("%w: the volume has %d bytes, capacity_range.limit_bytes is %d, and no volume can be made smaller",
			volume.ErrOutOfRange, current, limit)
	}
	// Heketi adds whole sets of bricks, and no brick is smaller than 1 GiB.
	need := max(e.targetGiB-v.SizeGiB, v.Durability.MinGiB())
	if size := current + int64(need)*volume.GiB; limit > 0 && size > limit {
		return 0, fmt.Errorf("%w: a volume of type %s grows by at least %d GiB, to %d bytes, but capacity_range.limit_bytes is %d",
			volume.ErrOutOfRange, v.Durability, v.Durability.MinGiB(), size, limit)
	}
	return need, nil
}

// resolve looks at the volume after an expand whose outcome is unknown. It never expands again, because the first request may
// still be carried out.
func (e *expanding) resolve(ctx context.Context, cause error) (volume.Volume, error) {
	klog.FromContext(ctx).Info("Looking at a volume whose expand has an unknown outcome", "volume", e.handle, "err", cause)
	found, err := e.inspect(ctx)
	if err != nil {
		return volume.Volume{}, fmt.Errorf("%w (the volume was checked after this error: %s)", err, cause.Error())
	}
	if err := checkLateExpand(ctx, e.client, e.journal, volumeKey(e.handle), found); err != nil && !e.capacity.Allows(int64(found.SizeGiB)*volume.GiB) {
		return volume.Volume{}, err
	}
	return e.enough(found, cause.Error())
}

// enough returns a volume that has at least the requested size.
func (e *expanding) enough(v heketi.Volume, why string) (volume.Volume, error) {
	made := newVolume(e.handle.Backend, v)
	if made.CapacityBytes < e.capacity.RequiredBytes {
		return volume.Volume{}, fmt.Errorf("%w: gluster volume %s has %d GiB, which is less than requested (%s); repeat the expand",
			volume.ErrUnavailable, v.Name, v.SizeGiB, why)
	}
	return made, nil
}

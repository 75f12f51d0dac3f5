package provisioner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// failed looks at the volume after an expand that Heketi has begun and that has failed. The caller takes the error as final, so
// failed returns it only if nothing is pending: an expand that Heketi cannot undo stays pending (heketi:
// apps/glusterfs/operations_manage.go, runOperationAfterBuild) and keeps the volume busy. The failure may also come from a
// gateway instead of Heketi.
func (e *expanding) failed(ctx context.Context, needGiB int, failure error) (volume.Volume, error) {
	now, err := e.inspect(ctx)
	made := newVolume(e.handle.Backend, now)
	switch {
	case err != nil:
		return volume.Volume{}, fmt.Errorf("%w (the volume was checked after this error: %s)", err, failure.Error())
	case e.capacity.Allows(made.CapacityBytes):
		return made, nil
	case errors.Is(failure, volume.ErrExhausted):
		return volume.Volume{}, e.exhausted(ctx, now, needGiB, failure)
	}
	return volume.Volume{}, fmt.Errorf("%w; gluster volume %s keeps its size of %d GiB", failure, now.Name, now.SizeGiB)
}

// exhausted returns the error of an expand for which there is not enough space, with the size that would fit.
func (e *expanding) exhausted(ctx context.Context, v heketi.Volume, needGiB int, refusal error) error {
	return fmt.Errorf("%w; gluster volume %s %s", refusal, v.Name, e.remains(ctx, v, needGiB))
}

// remains describes what can still be done with a volume that Heketi does not expand as requested.
func (e *expanding) remains(ctx context.Context, v heketi.Volume, needGiB int) string {
	layout := v.Layout()
	state := fmt.Sprintf("keeps its size of %d GiB, in %d bricks (the limit is %d)", v.SizeGiB, len(v.Bricks), heketi.MostBricks)
	if layout.SetsLeft() == 0 {
		return state + ", and cannot grow any more: make a new, larger volume and copy the data"
	}
	return state + fmt.Sprintf("; it can grow at most %d more times (each time by %d brick(s) of the same size, at least 1 GiB, on different nodes), ",
		layout.SetsLeft(), layout.BricksInSet()) + e.fits(ctx, v.Cluster, layout, needGiB)
}

// fits describes by how much the volume can grow in one step, based on Heketi's records.
func (e *expanding) fits(ctx context.Context, cluster string, layout heketi.Layout, needGiB int) string {
	const few = "few large steps are better than many small ones"
	dump, err := e.index.recordsSince(ctx, e.client, time.Now())
	room := heketi.NewRoom(dump, cluster, layout)
	switch largest := room.LargestGiB(); {
	// There are no figures, the cluster takes no file volumes, or space is not the reason.
	case err != nil, !dump.Clusters[cluster].File, largest >= needGiB:
		return "so a smaller size may be possible, and " + few
	case largest == 0:
		return "but there is no room for it to grow now" + because(room.Lacks())
	default:
		return fmt.Sprintf("and %s; there is room for %d GiB more in one step", few, largest)
	}
}

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// pendingError is returned for a volume that has an unfinished operation in Heketi. It wraps ErrBusy.
type pendingError struct {
	handle    volume.Handle
	name      string // of the gluster volume
	operation string // Heketi's id
	status    string // as in heketi.DumpOperation
}

func pending(dump heketi.Dump, handle volume.Handle) error {
	v := dump.Volumes[handle.ID]
	return &pendingError{handle: handle, name: v.Name, operation: v.Pending, status: dump.Operations[v.Pending].Status}
}

func (e *pendingError) Error() string {
	if isAbandoned(e.status) {
		return fmt.Sprintf("%v: volume %s (%s): Heketi's operation %s is %s. Heketi cleans up by itself unless its cleaner is off. "+
			"To clean up now, if nothing uses the volume: heketi-cli server operations cleanup %s", volume.ErrBusy, e.handle, e.name, e.operation, e.status, e.operation)
	}
	return fmt.Sprintf("%v: volume %s (%s) is being made, removed or cloned by Heketi's operation %s", volume.ErrBusy, e.handle, e.name, e.operation)
}

func (e *pendingError) Unwrap() error { return volume.ErrBusy }

// isAbandoned reports whether Heketi has stopped working on an operation with this status.
func isAbandoned(status string) bool { return status == "stale" || status == "failed" }

// cleanUp makes Heketi clean up the abandoned operation that err describes, if any. It reports whether Heketi has done so; then
// the call can be tried again. Only creates and deletes of volumes of this installation are cleaned up: sooner or later Heketi
// undoes the create and finishes the delete by itself. Expands are not cleaned up: to undo one, Heketi removes bricks that
// gluster may already be using (heketi: apps/glusterfs/operations_volume.go, VolumeExpandOperation.Clean never removes them from
// the gluster volume), and the driver must not hasten that.
func cleanUp(ctx context.Context, client *heketi.Client, x *index, err error) bool {
	stuck, ok := errors.AsType[*pendingError](err)
	if !ok || !isAbandoned(stuck.status) || !client.Backend().OfThisInstallation(stuck.name) {
		return false
	}
	logger := klog.FromContext(ctx)
	op, err := client.Operation(ctx, stuck.operation)
	switch {
	case errors.Is(err, volume.ErrNotFound):
		return true // Heketi has already cleaned up
	case err != nil:
		logger.Error(err, "Cannot look at the operation that blocks a volume", "volume", stuck.name, "operation", stuck.operation)
		return false
	case !isAbandoned(op.Status) || !slices.Contains(op.Objects, stuck.handle.ID),
		op.Type != heketi.OperationCreateVolume && op.Type != heketi.OperationDeleteVolume:
		return false
	}
	logger.Info("Asking Heketi to clean up the operation that blocks a volume", "volume", stuck.name, "operation", op.ID, "type", op.Type, "status", op.Status)
	if err := client.CleanUp(ctx, op.ID); err != nil {
		logger.Error(err, "Heketi has not cleaned up", "volume", stuck.name, "operation", op.ID)
		return false
	}
	x.recordDeleted(stuck.handle.ID)
	return true
}

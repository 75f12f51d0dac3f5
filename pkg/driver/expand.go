package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// ControllerExpandVolume enlarges a volume while it is in use. The volume's clients notice the new bricks themselves, but the
// kernel then drops mounts inside the volume. NodeExpandVolume restores these mounts before the new size is reported.
func (s *controllerServer) ControllerExpandVolume(ctx context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	handle, err := handleOf(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if request.GetCapacityRange() == nil {
		return nil, volume.Invalid("capacity_range", "", "must be given")
	}
	capacity, err := capacityOf(request.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	if err := capacity.Validate(); err != nil {
		return nil, err
	}
	if c := request.GetVolumeCapability(); c != nil {
		// external-resizer sends the PersistentVolume's mountOptions. They cannot prevent the volume from growing.
		if err := checkAccess("volume_capability", c); err != nil {
			return nil, err
		}
	}
	size, err := s.provisioner.Expand(ctx, handle, capacity, credentialsOf(request.GetSecrets()))
	switch {
	case errors.Is(err, volume.ErrExhausted):
		// OUT_OF_RANGE (CSI spec, ControllerExpandVolume errors: unsupported capacity_range), since the attempt has left nothing
		// behind. external-resizer takes RESOURCE_EXHAUSTED as "may be in progress", and would ask for this size for ever, even after
		// the claim asks for less. It repeats OUT_OF_RANGE too, at longer intervals, so that space that becomes free later is used.
		err = fmt.Errorf("%w: %s", volume.ErrOutOfRange, err.Error())
	case errors.Is(err, volume.ErrPrecondition):
		// FAILED_PRECONDITION means "volume in use" here (CSI spec, ControllerExpandVolume errors): external-resizer would report that
		// the driver expands only offline, and not call again before all pods that use the claim have ended (its
		// pkg/controller/expand_and_recover.go). It repeats a call that failed with INTERNAL, and the claim may ask for less.
		err = fmt.Errorf("%w: %s", volume.ErrFailed, err.Error())
	}
	if err != nil {
		return nil, fmt.Errorf("expanding volume %s: %w", handle, err)
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: size, NodeExpansionRequired: true}, nil
}

// handleOf parses the id of a volume that must exist. It returns ErrNotFound for an id that this driver cannot have made, such as
// the id of a static volume, which its administrator manages.
func handleOf(id string) (volume.Handle, error) {
	if err := checkID(id); err != nil {
		return volume.Handle{}, err
	}
	handle, err := volume.ParseHandle(id)
	if err != nil {
		return volume.Handle{}, fmt.Errorf("%w: %q is not the id of a volume that this driver made or has taken over", volume.ErrNotFound, id)
	}
	return handle, nil
}

package driver

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

type controllerServer struct {
	csi.UnimplementedControllerServer
	provisioner volume.Provisioner
}

// ControllerGetCapabilities says which optional calls this controller answers.
func (s *controllerServer) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	return &csi.ControllerGetCapabilitiesResponse{Capabilities: []*csi.ControllerServiceCapability{
		{Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{
			Type: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		}}},
	}}, nil
}

// CreateVolume checks the whole request before anything is touched, then makes the volume or finds the one that an
// earlier call with the same name made.
func (s *controllerServer) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	spec, err := specOf(request)
	if err != nil {
		return nil, err
	}
	made, err := s.provisioner.Create(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", request.GetName(), err)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId:      made.Handle.String(),
		CapacityBytes: made.CapacityBytes,
		VolumeContext: made.Context(),
	}}, nil
}

// DeleteVolume deletes a volume that this driver made. An id that this driver cannot have made names no volume of
// ours, and the CSI spec wants OK for a volume that does not exist; a static volume's data stay as they are.
func (s *controllerServer) DeleteVolume(ctx context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := checkID(request.GetVolumeId()); err != nil {
		return nil, err
	}
	handle, err := volume.ParseHandle(request.GetVolumeId())
	if err != nil {
		klog.FromContext(ctx).Info("Nothing to delete: not a volume that this driver made", "volumeID", request.GetVolumeId())
		return &csi.DeleteVolumeResponse{}, nil //nolint:nilerr // no volume is no error
	}
	if err := s.provisioner.Delete(ctx, handle, credentialsOf(request.GetSecrets())); err != nil && !errors.Is(err, volume.ErrNotFound) {
		return nil, fmt.Errorf("deleting volume %s: %w", handle, err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// ValidateVolumeCapabilities confirms what a volume can be used for. A static volume is unknown to the backend and
// its servers are not reachable from here by design, so that for it only its context is checked, not its existence.
func (s *controllerServer) ValidateVolumeCapabilities(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if err := checkID(request.GetVolumeId()); err != nil {
		return nil, err
	}
	if len(request.GetVolumeCapabilities()) == 0 {
		return nil, checkCapabilities(nil)
	}
	if err := s.checkExists(ctx, request); err != nil {
		return nil, err
	}
	if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: err.Error()}, nil //nolint:nilerr // "not confirmed" is an answer
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext:      request.GetVolumeContext(),
		VolumeCapabilities: request.GetVolumeCapabilities(),
	}}, nil
}

func (s *controllerServer) checkExists(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) error {
	id, attributes := request.GetVolumeId(), request.GetVolumeContext()
	handle, err := volume.ParseHandle(id)
	if err == nil {
		if _, err = s.provisioner.Get(ctx, handle, credentialsOf(request.GetSecrets())); err != nil {
			return fmt.Errorf("looking up volume %s: %w", handle, err)
		}
		return nil
	}
	if attributes[volume.ContextVolume] == "" {
		return fmt.Errorf("%w: %q is neither a volume that this driver made nor, without volume_context, a static one", volume.ErrNotFound, id)
	}
	_, err = sourceOf(id, attributes, nil)
	return err
}

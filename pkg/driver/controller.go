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
	health      bool
	logins      classLogins
}

// ControllerGetCapabilities returns the optional calls that this controller supports.
func (s *controllerServer) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	types := []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
		csi.ControllerServiceCapability_RPC_GET_VOLUME,
	}
	if s.health {
		types = append(types, csi.ControllerServiceCapability_RPC_GET_VOLUME_HEALTH, csi.ControllerServiceCapability_RPC_LIST_VOLUME_HEALTH)
	}
	for _, t := range types {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: t}},
		})
	}
	return response, nil
}

// CreateVolume checks the whole request before anything is changed. Then it makes the volume, or finds the one that an earlier
// call with the same name made.
func (s *controllerServer) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	spec, err := specOf(request)
	if err != nil {
		return nil, s.provisioner.RefuseCreate(ctx, request.GetName(), credentialsOf(request.GetSecrets()), err)
	}
	s.logins.report(ctx, spec, request.GetParameters())
	made, err := s.provisioner.Create(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("creating volume %q: %w", request.GetName(), explainLogin(err, spec.Parameters.Ignored))
	}
	return &csi.CreateVolumeResponse{Volume: describe(made)}, nil
}

// DeleteVolume deletes a volume that this driver made. It returns OK for an id that this driver cannot have made, because the CSI
// spec requires OK for a volume that does not exist; the data of a static volume are kept.
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

// describe returns the CSI description of a volume.
func describe(v volume.Volume) *csi.Volume {
	return &csi.Volume{VolumeId: v.Handle.String(), CapacityBytes: v.CapacityBytes, VolumeContext: v.Context()}
}

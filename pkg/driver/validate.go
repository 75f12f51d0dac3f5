package driver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// ValidateVolumeCapabilities confirms that a volume can be used with the capabilities and matches the request. A static volume is
// unknown to the backend, and its servers are deliberately unreachable from the controller, so only its context is checked, not
// its existence.
func (s *controllerServer) ValidateVolumeCapabilities(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if err := checkID(request.GetVolumeId()); err != nil {
		return nil, err
	}
	if len(request.GetVolumeCapabilities()) == 0 {
		return nil, checkCapabilities(nil)
	}
	difference, err := s.compare(ctx, request)
	if err != nil {
		return nil, err
	}
	if difference == "" {
		if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
			difference = err.Error()
		}
	}
	if difference != "" {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: presentable(difference)}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext:      request.GetVolumeContext(),
		VolumeCapabilities: request.GetVolumeCapabilities(),
		Parameters:         request.GetParameters(),
	}}, nil
}

// compare looks up the volume, and returns how it differs from the request; "" means no difference.
func (s *controllerServer) compare(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (difference string, err error) {
	id, attributes := request.GetVolumeId(), request.GetVolumeContext()
	handle, err := volume.ParseHandle(id)
	if err == nil {
		found, err := s.provisioner.Get(ctx, handle, credentialsOf(request.GetSecrets()))
		if err != nil {
			return "", fmt.Errorf("looking up volume %s: %w", handle, err)
		}
		return differs(found, attributes, request.GetParameters()), nil
	}
	if attributes[volume.ContextVolume] == "" {
		return "", fmt.Errorf("%w: this driver did not make volume %q, and a static volume has a volume_context", volume.ErrNotFound, id)
	}
	_, err = sourceOf(id, attributes, nil)
	return "", err
}

// differs compares a volume with the parts of its context and of a class that are cheap to compare; "" means no difference.
// Servers and gid are not compared: an administrator may have changed them, and a node uses the values in the request.
func differs(found volume.Volume, attributes, raw map[string]string) string {
	if name := attributes[volume.ContextVolume]; name != "" && name != found.Name {
		return fmt.Sprintf("volume_context.%s is %q, but the gluster volume of this id is %q", volume.ContextVolume, name, found.Name)
	}
	if len(raw) == 0 {
		return ""
	}
	parameters, err := volume.ParseParameters(raw)
	switch {
	case err != nil:
		return err.Error()
	case parameters.Durability != found.Durability:
		return fmt.Sprintf("volumetype is %s, but the volume is %s", parameters.Durability, found.Durability)
	case len(parameters.Clusters) > 0 && !slices.Contains(parameters.Clusters, found.Cluster):
		return fmt.Sprintf("clusterid is %s, but the volume lies in cluster %s", strings.Join(parameters.Clusters, ", "), found.Cluster)
	}
	return ""
}

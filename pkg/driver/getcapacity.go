package driver

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// GetCapacity estimates how much can be provisioned with a StorageClass. Topology is ignored, because every node can reach every
// volume. The request has no secrets, so the backend's own key is used.
func (s *controllerServer) GetCapacity(ctx context.Context, request *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	parameters, err := volume.ParseParameters(request.GetParameters())
	if err != nil {
		return nil, err
	}
	if len(request.GetVolumeCapabilities()) > 0 {
		// The CSI spec asks for the capacity that is available to volumes with these capabilities. No such volume can be made.
		if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
			klog.FromContext(ctx).V(5).Info("No capacity for these capabilities", "err", withoutPasswords(err.Error()))
			return &csi.GetCapacityResponse{}, nil
		}
	}
	space, err := s.provisioner.Available(ctx, parameters)
	if err != nil {
		return nil, fmt.Errorf("estimating capacity: %w", err)
	}
	return &csi.GetCapacityResponse{
		AvailableCapacity: space.Total,
		MaximumVolumeSize: wrapperspb.Int64(space.Largest),
		MinimumVolumeSize: wrapperspb.Int64(space.Least),
	}, nil
}

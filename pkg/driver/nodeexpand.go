package driver

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// NodeExpandVolume waits until the volume's client on this node has followed an expansion, and returns the size that the client
// reports.
//
// The kubelet (1.36, pkg/volume/csi/expander.go, node_expander.go) repeats the call after every error except FAILED_PRECONDITION.
// After FAILED_PRECONDITION it no longer expands the volume on this node, so no error of a Mounter's Expand has that code. After
// INVALID_ARGUMENT, NOT_FOUND and OUT_OF_RANGE it repeats the call only when external-resizer has called ControllerExpandVolume
// again. If the client does not follow in time, the call fails with DEADLINE_EXCEEDED.
//
// The kubelet makes the call for running pods, and an error does not disturb them. It also makes the call before it starts a pod
// whose claim is smaller than its volume, and the pod starts only after success. So mount flags are not checked again: they were
// accepted when the volume was staged.
func (s *nodeServer) NodeExpandVolume(ctx context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	id, path := request.GetVolumeId(), request.GetVolumePath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if path == "" {
		return nil, checkPath("volume_path", path)
	}
	if checkPath("volume_path", path) != nil { // as for NodeGetVolumeStats
		return nil, fmt.Errorf("%w: volume_path %q", mount.ErrNotMounted, path)
	}
	if c := request.GetVolumeCapability(); c != nil && c.GetMount() == nil { // the capability is optional
		return nil, volume.Invalid("volume_capability.access_type", "", "must be mount")
	}
	size, err := s.mounter.Expand(ctx, id, path)
	if err != nil {
		return nil, fmt.Errorf("expanding volume %s on this node: %w", id, err)
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: size}, nil
}

package driver

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

type nodeServer struct {
	csi.UnimplementedNodeServer
	mounter mount.Mounter
	nodeID  string
	most    int64 // volumes of this node; 0: no limit
	health  bool
}

// NodeGetInfo returns the node's name and its maximum number of volumes. There is no topology.
func (s *nodeServer) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: s.nodeID, MaxVolumesPerNode: s.most}, nil
}

// NodeGetCapabilities returns the optional calls that this node supports.
func (s *nodeServer) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	types := []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
	}
	if s.health {
		types = append(types, csi.NodeServiceCapability_RPC_GET_VOLUME_HEALTH)
	}
	for _, capability := range types {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: capability}},
		})
	}
	return response, nil
}

// NodeStageVolume starts the volume's client and mounts it at the staging path.
func (s *nodeServer) NodeStageVolume(ctx context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	id, path := request.GetVolumeId(), request.GetStagingTargetPath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkPath("staging_target_path", path); err != nil {
		return nil, err
	}
	if err := checkCapability("volume_capability", request.GetVolumeCapability()); err != nil {
		return nil, err
	}
	source, err := sourceOf(id, request.GetVolumeContext(), request.GetVolumeCapability().GetMount().GetMountFlags())
	if err != nil {
		return nil, err
	}
	if err := s.mounter.Stage(ctx, source, path); err != nil {
		return nil, fmt.Errorf("staging volume %s: %w", id, err)
	}
	logIgnored(klog.FromContext(ctx), source, request.GetVolumeCapability().GetMount().GetFsType())
	return &csi.NodeStageVolumeResponse{}, nil
}

// logIgnored logs settings of a PersistentVolume that have no effect. The PersistentVolume cannot be corrected any more, and
// these settings must not keep a pod from starting.
func logIgnored(logger klog.Logger, source mount.Source, fsType string) {
	ignored := source.Options.Ignored()
	if len(ignored) > 0 {
		logger.Info("Mount options that have no meaning for this driver are ignored", "volumeID", source.VolumeID, "options", ignored)
	}
	if ofDisk(fsType) {
		logger.Info("The file system type is ignored: gluster volumes are never formatted", "volumeID", source.VolumeID, "fsType", fsType)
	}
}

// NodeUnstageVolume ends the volume's client. Afterwards the staging path is an ordinary directory.
func (s *nodeServer) NodeUnstageVolume(ctx context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	id, path := request.GetVolumeId(), request.GetStagingTargetPath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkPath("staging_target_path", path); err != nil {
		return nil, err
	}
	if err := s.mounter.Unstage(ctx, id, path); err != nil {
		return nil, fmt.Errorf("unstaging volume %s: %w", id, err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// NodePublishVolume binds the staged volume to the target path.
//
// The kubelet repeats this call for volumes that are in use. Before Kubernetes 1.37, the kubelet forgets such a volume after a
// final error, although the pod still uses it. So NodePublishVolume does not check fields that only staging needs: mount flags or
// attributes that a later version of the driver refuses must not fail a volume that is mounted. Mount flags and attributes are
// passed on only if they can be parsed.
func (s *nodeServer) NodePublishVolume(ctx context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	id, capability := request.GetVolumeId(), request.GetVolumeCapability()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkPath("target_path", request.GetTargetPath()); err != nil {
		return nil, err
	}
	if capability.GetMount() == nil {
		return nil, volume.Invalid("volume_capability.access_type", "", "must be mount")
	}
	mode := capability.GetAccessMode().GetMode()
	if err := checkAccessMode("volume_capability.access_mode", mode); err != nil {
		return nil, err
	}
	if request.GetStagingTargetPath() == "" {
		return nil, fmt.Errorf("%w: staging_target_path must be given", mount.ErrNotStaged)
	}
	if err := checkPath("staging_target_path", request.GetStagingTargetPath()); err != nil {
		return nil, err
	}
	publication := mount.Publication{
		VolumeID:    id,
		StagingPath: request.GetStagingTargetPath(),
		TargetPath:  request.GetTargetPath(),
		ReadOnly:    request.GetReadonly() || readOnly(mode),
		Pod:         podOf(request.GetVolumeContext()),
	}
	if source, err := sourceOf(id, request.GetVolumeContext(), capability.GetMount().GetMountFlags()); err == nil {
		publication.Source = &source
	}
	if err := s.mounter.Publish(ctx, publication); err != nil {
		return nil, fmt.Errorf("publishing volume %s: %w", id, err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// NodeUnpublishVolume unmounts the target path and removes it.
func (s *nodeServer) NodeUnpublishVolume(ctx context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	id, path := request.GetVolumeId(), request.GetTargetPath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkPath("target_path", path); err != nil {
		return nil, err
	}
	if err := s.mounter.Unpublish(ctx, id, path); err != nil {
		return nil, fmt.Errorf("unpublishing volume %s: %w", id, err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats reports sizes and inodes. For a path at which nothing can be mounted it returns NOT_FOUND, not
// INVALID_ARGUMENT: the CSI spec requires NOT_FOUND if the volume is not at the given path.
func (s *nodeServer) NodeGetVolumeStats(ctx context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	id, path := request.GetVolumeId(), request.GetVolumePath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if path == "" {
		return nil, checkPath("volume_path", path)
	}
	if checkPath("volume_path", path) != nil {
		return nil, fmt.Errorf("%w: volume_path %q", mount.ErrNotMounted, path)
	}
	stats, err := s.mounter.Stats(ctx, id, path)
	if err != nil {
		return nil, fmt.Errorf("statistics of volume %s: %w", id, err)
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: stats.TotalBytes, Used: stats.UsedBytes, Available: stats.AvailableBytes},
		{Unit: csi.VolumeUsage_INODES, Total: stats.TotalInodes, Used: stats.UsedInodes, Available: stats.AvailableInodes},
	}}, nil
}

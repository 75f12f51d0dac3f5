package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The reasons that are found only by asking a client about a volume.
const (
	reasonClientDead   = "ClientDead"
	reasonClientHung   = "ClientHung"
	reasonNotAnswering = "NotAnswering"
	reasonIOError      = "IOError"
)

// ControllerGetVolumeHealth returns the problems of a volume that Heketi reports.
func (s *controllerServer) ControllerGetVolumeHealth(ctx context.Context, request *csi.ControllerGetVolumeHealthRequest) (*csi.ControllerGetVolumeHealthResponse, error) {
	if !s.health {
		return s.UnimplementedControllerServer.ControllerGetVolumeHealth(ctx, request)
	}
	handle, err := handleOf(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	health, err := s.provisioner.Health(ctx, handle, credentialsOf(request.GetSecrets()))
	if err != nil {
		return nil, fmt.Errorf("health of volume %s: %w", handle, err)
	}
	return &csi.ControllerGetVolumeHealthResponse{VolumeHealth: describeHealth(request.GetVolumeId(), health.Conditions)}, nil
}

// ControllerListVolumeHealth lists the volumes for which Heketi reports problems, under each of their handles. The token is the
// same as for ListVolumes. The request's secrets are not used, because the list includes all backends.
func (s *controllerServer) ControllerListVolumeHealth(ctx context.Context, request *csi.ControllerListVolumeHealthRequest) (*csi.ControllerListVolumeHealthResponse, error) {
	if !s.health {
		return s.UnimplementedControllerServer.ControllerListVolumeHealth(ctx, request)
	}
	after := request.GetStartingToken()
	if err := checkPage(request.GetMaxEntries(), after); err != nil {
		return nil, err
	}
	unwell, more, err := s.provisioner.ListHealth(ctx, after, int(request.GetMaxEntries()))
	if err != nil {
		return nil, fmt.Errorf("listing the health of volumes: %w", err)
	}
	entries := page(unwell, func(h volume.Health) *csi.VolumeHealth { return describeHealth(h.Handle.String(), h.Conditions) })
	response := &csi.ControllerListVolumeHealthResponse{Entries: entries}
	if last := len(entries); last > 0 && (more || last < len(unwell)) {
		response.NextToken = unwell[last-1].Handle.String()
	}
	return response, nil
}

// NodeGetVolumeHealth returns the problems of a volume that this node's client reports.
func (s *nodeServer) NodeGetVolumeHealth(ctx context.Context, request *csi.NodeGetVolumeHealthRequest) (*csi.NodeGetVolumeHealthResponse, error) {
	if !s.health {
		return s.UnimplementedNodeServer.NodeGetVolumeHealth(ctx, request)
	}
	id, field, path := request.GetVolumeId(), "volume_publish_path", request.GetVolumePublishPath()
	if err := checkID(id); err != nil {
		return nil, err
	}
	if path == "" {
		field, path = "staging_target_path", request.GetStagingTargetPath()
	}
	if path != "" { // both are optional
		if err := checkPath(field, path); err != nil {
			return nil, err
		}
	}
	health, err := s.mounter.Health(ctx, id, path)
	if err != nil {
		return nil, fmt.Errorf("health of volume %s: %w", id, err)
	}
	return &csi.NodeGetVolumeHealthResponse{VolumeHealth: describeHealth(id, conditionsOf(health))}, nil
}

// conditionsOf translates a client's answers into conditions.
func conditionsOf(h mount.Health) []volume.Condition {
	bad := func(severity volume.Severity, reason, format string, args ...any) []volume.Condition {
		return []volume.Condition{{Severity: severity, Reason: reason, Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case h.Ended:
		return bad(volume.Inaccessible, reasonClientDead, "the GlusterFS client of the volume on this node has ended; the node plugin starts another "+
			"one (if it cannot, the node plugin's log says why); with --heal-mounts=false, restart the pods that use the volume here")
	case h.Hung:
		return bad(volume.Inaccessible, reasonClientHung, "the GlusterFS client of the volume on this node does not answer: its process hangs; the node "+
			"plugin ends it after --hung-client-limit and starts another one; with --heal-mounts=false, restart the pods that use the volume here")
	}
	var conditions []volume.Condition
	if len(h.Down) > 0 {
		severity := volume.Degraded
		if h.Lost {
			severity = volume.Inaccessible
		}
		conditions = bad(severity, volume.ReasonBricksDown, "this node has no connection to %d of %d bricks: %s; check the brick processes (gluster volume "+
			"status) and the network between this node and the bricks", len(h.Down), h.Bricks, strings.Join(h.Down, ", "))
	}
	switch {
	case h.Root == nil || h.Lost: // the first condition implies the second
		return conditions
	case errors.Is(h.Root, mount.ErrUnavailable), errors.Is(h.Root, mount.ErrTimeout):
		return append(conditions, bad(volume.Inaccessible, reasonNotAnswering, "the volume's root directory cannot be read on this node (%v): bricks do not "+
			"answer; a brick that stops answering blocks everything until network.ping-timeout (42 s) has passed", h.Root)...)
	}
	return append(conditions, bad(volume.Inaccessible, reasonIOError, "the volume's root directory cannot be read on this node: %v; look at the "+
		"client's log", h.Root)...)
}

func describeHealth(id string, conditions []volume.Condition) *csi.VolumeHealth {
	described := &csi.VolumeHealth{VolumeId: id}
	for _, c := range conditions {
		described.HealthStatuses = append(described.HealthStatuses, &csi.VolumeHealth_VolumeHealthEntry{
			Status: errorType(c.Severity), Reason: c.Reason, Message: presentable(c.Message),
		})
	}
	return described
}

func errorType(severity volume.Severity) csi.VolumeHealthErrorType {
	if severity == volume.Inaccessible {
		return csi.VolumeHealthErrorType_INACCESSIBLE
	}
	return csi.VolumeHealthErrorType_DEGRADED
}

package driver

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/proto"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// errToken becomes ABORTED, as the CSI spec requires, so that the caller begins again without a token.
var errToken = errors.New("starting_token is not one of this driver's; list again from the beginning")

// ListVolumes lists the volumes that this driver made. The token is the id of the last volume of the previous page, so that it
// stays valid when that volume is deleted or others are made.
func (s *controllerServer) ListVolumes(ctx context.Context, request *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	after := request.GetStartingToken()
	if err := checkPage(request.GetMaxEntries(), after); err != nil {
		return nil, err
	}
	volumes, more, err := s.provisioner.List(ctx, after, int(request.GetMaxEntries()))
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	entries := page(volumes, func(v volume.Volume) *csi.ListVolumesResponse_Entry {
		return &csi.ListVolumesResponse_Entry{Volume: describe(v)}
	})
	response := &csi.ListVolumesResponse{Entries: entries}
	if last := len(entries); last > 0 && (more || last < len(volumes)) {
		response.NextToken = volumes[last-1].Handle.String()
	}
	return response, nil
}

// page describes the first items: as many as fit into one response, and at least one. A gRPC client accepts 4 MiB by default,
// which a list of all volumes may exceed; even with max_entries 0 the response may be split into pages (CSI spec, ListVolumes).
func page[T any, E proto.Message](items []T, describe func(T) E) []E {
	const most = 3 << 20
	entries := make([]E, 0, len(items))
	size := 0
	for _, item := range items {
		entry := describe(item)
		const frame = 6 // tag and length of an entry
		if size += proto.Size(entry) + frame; size > most && len(entries) > 0 {
			break
		}
		entries = append(entries, entry)
	}
	return entries
}

// checkPage checks the fields of a request for a page of volumes.
func checkPage(maxEntries int32, token string) error {
	if maxEntries < 0 {
		return volume.Invalid("max_entries", strconv.Itoa(int(maxEntries)), "must not be negative")
	}
	if token == "" {
		return nil
	}
	if _, err := volume.ParseHandle(token); err != nil {
		return errToken
	}
	return nil
}

// ControllerGetVolume describes one volume. The request has no secrets, so the backend's own key is used.
func (s *controllerServer) ControllerGetVolume(ctx context.Context, request *csi.ControllerGetVolumeRequest) (*csi.ControllerGetVolumeResponse, error) {
	handle, err := handleOf(request.GetVolumeId())
	if err != nil {
		return nil, err
	}
	found, err := s.provisioner.Get(ctx, handle, volume.Credentials{})
	if err != nil {
		return nil, fmt.Errorf("looking up volume %s: %w", handle, err)
	}
	return &csi.ControllerGetVolumeResponse{
		Volume: describe(found),
		Status: &csi.ControllerGetVolumeResponse_VolumeStatus{}, // gluster volumes are not attached to nodes
	}, nil
}

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Available implements volume.Provisioner. It always reads a fresh database dump.
func (p *Provisioner) Available(ctx context.Context, parameters volume.Parameters) (volume.Space, error) {
	return p.AvailableSince(ctx, parameters, time.Now())
}

// AvailableSince is like Available, but accepts a dump that was requested at or after since, so that calls with the same since
// share one dump. A volume lies in one cluster, so each cluster is considered separately. Heketi also skips nodes whose glusterd
// did not answer its last check, but does not report these nodes: a node that is down counts until an administrator sets it
// offline.
//
// The figures are upper bounds, because a figure that is too low does more harm. If the figure is below the size of a pod's
// claim, the scheduler keeps the pod waiting without a message from the driver. A claim that fits the figure but not the cluster
// gets CreateVolume's error.
func (p *Provisioner) AvailableSince(ctx context.Context, parameters volume.Parameters, since time.Time) (volume.Space, error) {
	rooms, err := p.rooms(ctx, parameters, volume.Credentials{}, since) // the request has no credentials
	if err != nil {
		return volume.Space{}, err
	}
	space := volume.Space{Least: int64(parameters.Durability.MinGiB()) * volume.GiB}
	for _, room := range rooms {
		total := room.TotalGiB()
		space.Largest = max(space.Largest, int64(min(total, volume.MaxGiB))*volume.GiB)
		space.Total += int64(total) * volume.GiB
	}
	return space, nil
}

// rooms returns the free space of each cluster that takes file volumes and that the class allows.
func (p *Provisioner) rooms(ctx context.Context, class volume.Parameters, credentials volume.Credentials, since time.Time) ([]heketi.Room, error) {
	backend, err := p.backends.Select(class.Backend, class.RestURL)
	if err != nil {
		return nil, err
	}
	client, err := backend.Client(credentials)
	if err != nil {
		return nil, err
	}
	dump, err := p.index(backend.Name()).recordsSince(ctx, client, since)
	if err != nil {
		return nil, err
	}
	for _, id := range class.Clusters {
		if _, ok := dump.Clusters[id]; !ok {
			return nil, volume.Invalid("clusterid", id, fmt.Sprintf("is not a cluster of backend %q", backend.Name()))
		}
	}
	layout := heketi.Layout{Durability: class.Durability, SnapFactor: class.SnapFactor, Options: class.Options}
	var rooms []heketi.Room
	for _, id := range slices.Sorted(maps.Keys(dump.Clusters)) {
		if dump.Clusters[id].File && (len(class.Clusters) == 0 || slices.Contains(class.Clusters, id)) {
			rooms = append(rooms, heketi.NewRoom(dump, id, layout))
		}
	}
	return rooms, nil
}

// whatFits adds to an ErrExhausted the largest size that would fit. It accepts a dump that was requested after the create began.
// The create has usually read such a dump already, to look for the volume.
func (p *Provisioner) whatFits(ctx context.Context, request creation, parameters volume.Parameters, began time.Time, refusal error) error {
	if !errors.Is(refusal, volume.ErrExhausted) {
		return refusal
	}
	rooms, err := p.rooms(ctx, parameters, request.credentials, began)
	largest := 0
	var lacks []string
	for _, room := range rooms {
		largest = max(largest, room.LargestGiB())
		lacks = append(lacks, room.Lacks())
	}
	switch {
	case err != nil, largest >= request.sizeGiB: // space is not the reason
		return refusal
	case largest == 0:
		return fmt.Errorf("%w; there is no room for a volume of type %s of any size%s", refusal, request.durability, because(lacks...))
	}
	return fmt.Errorf("%w; the largest volume of type %s for which there is room has %d GiB", refusal, request.durability, largest)
}

// because appends reasons to a sentence. Empty reasons are left out.
func because(reasons ...string) string {
	reasons = slices.DeleteFunc(reasons, func(reason string) bool { return reason == "" })
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}

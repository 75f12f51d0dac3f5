package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Available implements volume.Provisioner. What it goes by, Heketi has written during the call.
func (p *Provisioner) Available(ctx context.Context, parameters volume.Parameters) (volume.Space, error) {
	return p.AvailableSince(ctx, parameters, time.Now())
}

// AvailableSince is Available going by what Heketi has written since a time: calls with the same one share a reading of
// its whole database. Each cluster is looked at by itself, since a volume lies in one. Heketi also passes over nodes whose
// glusterd did not answer its last check, which it tells nobody, so that a node which is down counts until an administrator
// has set it offline.
func (p *Provisioner) AvailableSince(ctx context.Context, parameters volume.Parameters, since time.Time) (volume.Space, error) {
	space := volume.Space{Least: int64(parameters.Durability.MinGiB()) * volume.GiB}
	backend, err := p.backends.Select(parameters.Backend, parameters.RestURL)
	if err != nil {
		return volume.Space{}, err
	}
	client, err := backend.Client(volume.Credentials{}) // the request brings none
	if err != nil {
		return volume.Space{}, err
	}
	dump, err := p.index(backend.Name()).hardwareSince(ctx, client, since)
	if err != nil {
		return volume.Space{}, err
	}
	for id := range dump.Clusters {
		if len(parameters.Clusters) > 0 && !slices.Contains(parameters.Clusters, id) {
			continue
		}
		room := heketi.NewRoom(dump, id, heketi.Layout{
			Durability: parameters.Durability, SnapFactor: parameters.SnapFactor, Options: parameters.Options, Arbiter: parameters.Arbiter(),
		})
		largest := int64(room.LargestGiB()) * volume.GiB
		space.Largest = max(space.Largest, largest)
		space.Total += max(int64(room.TotalGiB())*volume.GiB, largest)
	}
	for _, id := range parameters.Clusters {
		if _, ok := dump.Clusters[id]; !ok {
			return volume.Space{}, volume.Invalid("clusterid", id, fmt.Sprintf("is not a cluster of backend %q", backend.Name()))
		}
	}
	return space, nil
}

// whatFits adds to a refusal of a create for want of room which size would not be refused, going by Heketi's records.
func (p *Provisioner) whatFits(ctx context.Context, request creation, parameters volume.Parameters, refusal error) error {
	if !errors.Is(refusal, volume.ErrExhausted) {
		return refusal
	}
	space, err := p.Available(ctx, parameters)
	largest := space.Largest / volume.GiB
	switch {
	case err != nil, largest >= int64(request.sizeGiB): // the reason is another one
		return refusal
	case largest == 0:
		return fmt.Errorf("%w; there is no room for a volume of type %s of any size", refusal, request.durability)
	}
	return fmt.Errorf("%w; the largest volume of type %s for which there is room has %d GiB", refusal, request.durability, largest)
}

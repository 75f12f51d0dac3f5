package provisioner

import (
	"context"
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Available implements volume.Provisioner. Each cluster is looked at by itself, since a volume lies in one. Heketi
// also passes over nodes whose glusterd did not answer its last check, which it tells nobody, so that a node which is
// down counts until an administrator has set it offline.
func (p *Provisioner) Available(ctx context.Context, parameters volume.Parameters) (volume.Space, error) {
	space := volume.Space{Least: int64(parameters.Durability.MinGiB()) * volume.GiB}
	backend, err := p.backends.Select(parameters.Backend, parameters.RestURL)
	if err != nil {
		return volume.Space{}, err
	}
	dump, err := p.dumpOf(ctx, backend)
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

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

// Available implements volume.Provisioner. What it goes by, Heketi has written during the call.
func (p *Provisioner) Available(ctx context.Context, parameters volume.Parameters) (volume.Space, error) {
	return p.AvailableSince(ctx, parameters, time.Now())
}

// AvailableSince is Available going by what Heketi has written since a time: calls with the same one share a reading of
// its whole database. Each cluster is looked at by itself, since a volume lies in one. Heketi also passes over nodes whose
// glusterd did not answer its last check, which it tells nobody, so that a node which is down counts until an administrator
// has set it offline.
func (p *Provisioner) AvailableSince(ctx context.Context, parameters volume.Parameters, since time.Time) (volume.Space, error) {
	rooms, err := p.rooms(ctx, parameters, volume.Credentials{}, since) // the request brings none
	if err != nil {
		return volume.Space{}, err
	}
	space := volume.Space{Least: int64(parameters.Durability.MinGiB()) * volume.GiB}
	for _, room := range rooms {
		largest := int64(room.LargestGiB()) * volume.GiB
		space.Largest = max(space.Largest, largest)
		space.Total += max(int64(room.TotalGiB())*volume.GiB, largest)
	}
	return space, nil
}

// rooms are what the clusters have free that take volumes of files and in which one of the class may lie.
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

// whatFits adds to an ErrExhausted the largest size that would fit, by records that Heketi wrote after the create began: the
// create itself has looked for the volume in them.
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
	case err != nil, largest >= request.sizeGiB: // the reason is another one
		return refusal
	case largest == 0:
		return fmt.Errorf("%w; there is no room for a volume of type %s of any size%s", refusal, request.durability, because(lacks...))
	}
	return fmt.Errorf("%w; the largest volume of type %s for which there is room has %d GiB", refusal, request.durability, largest)
}

// because gives a sentence its reasons, of which some or all may be empty.
func because(reasons ...string) string {
	reasons = slices.DeleteFunc(reasons, func(reason string) bool { return reason == "" })
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// find looks for the volume in all clusters of the backend, also those that the request
// does not name. ErrNotFound: there is none; ErrBusy: it is being made or removed;
// ErrIncompatible: it is not what the request asks for.
func (c creation) find(ctx context.Context, client *heketi.Client) (volume.Volume, error) {
	dump, err := client.Dump(ctx)
	if err != nil {
		return volume.Volume{}, err
	}
	var ids []string
	for id, v := range dump.Volumes {
		if v.Name == c.name {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 0:
		return volume.Volume{}, fmt.Errorf("%w: backend %q has no volume %s", volume.ErrNotFound, c.backend.Name(), c.name)
	case len(ids) > 1:
		slices.Sort(ids)
		return volume.Volume{}, fmt.Errorf("%w: backend %q has several volumes named %s, with the ids %s; only an administrator can tell "+
			"which one is in use", volume.ErrPrecondition, c.backend.Name(), c.name, strings.Join(ids, ", "))
	}
	id := ids[0]
	if dump.Volumes[id].Pending != "" {
		return volume.Volume{}, pending(dump, volume.Handle{Backend: c.backend.Name(), ID: id})
	}
	found, err := client.Volume(ctx, id)
	if errors.Is(err, volume.ErrNotFound) {
		return volume.Volume{}, fmt.Errorf("%w: volume %s was being removed while it was looked up", volume.ErrBusy, c.name)
	}
	if err != nil {
		return volume.Volume{}, err
	}
	v := newVolume(c.backend.Name(), found)
	return v, c.compatible(v)
}

// compatible compares an existing volume with the request.
func (c creation) compatible(v volume.Volume) error {
	var differences []string
	if !c.capacity.Allows(v.CapacityBytes) {
		differences = append(differences, fmt.Sprintf("its size is %d bytes, asked for are %d to %d (0: no limit)",
			v.CapacityBytes, c.capacity.RequiredBytes, c.capacity.LimitBytes))
	}
	if v.Durability != c.durability {
		differences = append(differences, fmt.Sprintf("its volumetype is %s, asked for is %s", v.Durability, c.durability))
	}
	if c.clusters != "" && !slices.Contains(strings.Split(c.clusters, ","), v.Cluster) {
		differences = append(differences, fmt.Sprintf("it lies in cluster %s, asked for is %s", v.Cluster, c.clusters))
	}
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w: volume %s: %s", volume.ErrIncompatible, v.Name, strings.Join(differences, "; "))
}

// explainMissing finds out what Heketi's "not found" means: that the volume is gone
// (ErrNotFound), that Heketi hides it while an operation runs (ErrBusy), or that Heketi
// has lost its memory (ErrUnavailable). Other errors are returned as they are.
func explainMissing(ctx context.Context, client *heketi.Client, handle volume.Handle, err error) error {
	if !errors.Is(err, volume.ErrNotFound) {
		return err
	}
	dump, dumpErr := client.Dump(ctx)
	if dumpErr != nil {
		return dumpErr
	}
	if len(dump.Clusters) == 0 {
		return noClusters(handle.Backend)
	}
	if _, ok := dump.Volumes[handle.ID]; ok {
		return pending(dump, handle)
	}
	return err
}

func noClusters(backend string) error {
	return fmt.Errorf("%w: backend %q cannot be trusted: %s", volume.ErrUnavailable, backend, heketi.HintNoClusters)
}

func pending(dump heketi.Dump, handle volume.Handle) error {
	v := dump.Volumes[handle.ID]
	switch status := dump.Operations[v.Pending].Status; status {
	case "stale", "failed":
		return fmt.Errorf("%w: volume %s (%s): operation %s is %s in Heketi, which cleans it up a minute after its start and then every hour; "+
			"heketi-cli server operations cleanup does it at once", volume.ErrBusy, handle, v.Name, v.Pending, status)
	default:
		return fmt.Errorf("%w: volume %s (%s) is being made, removed or cloned by Heketi's operation %s", volume.ErrBusy, handle, v.Name, v.Pending)
	}
}

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// find looks for the volume in all clusters of the backend, including those that the request does not name. It returns
// ErrNotFound if there is no volume, ErrBusy if the volume is being made or removed, ErrIncompatible if it differs from the
// request, and ErrPrecondition if there are several.
func (c *creating) find(ctx context.Context) (volume.Volume, error) {
	dump, err := c.index.recordsSince(ctx, c.client, time.Now())
	if err != nil {
		return volume.Volume{}, err
	}
	own := c.index.ownBy(c.client.Backend())
	var ids []string
	for id, v := range dump.Volumes {
		if own(v.Name) && volume.NameKey(v.Name) == volume.NameKey(c.name) {
			ids = append(ids, id)
		}
	}
	c.absent = len(ids) == 0
	switch {
	case c.absent:
		return volume.Volume{}, fmt.Errorf("%w: backend %q has no volume %s", volume.ErrNotFound, c.backend, c.name)
	case len(ids) > 1:
		slices.Sort(ids)
		return volume.Volume{}, fmt.Errorf("%w: backend %q has several volumes for the name of %s, with the ids %s; only an administrator can tell "+
			"which one is in use", volume.ErrPrecondition, c.backend, c.name, strings.Join(ids, ", "))
	}
	id := ids[0]
	if dump.Volumes[id].Pending != "" {
		return volume.Volume{}, pending(dump, volume.Handle{Backend: c.backend, ID: id})
	}
	c.index.forgetSize(id)
	found, err := c.client.Volume(ctx, id)
	if errors.Is(err, volume.ErrNotFound) {
		return volume.Volume{}, fmt.Errorf("%w: volume %s was being removed while it was looked up", volume.ErrBusy, c.name)
	}
	if err != nil {
		return volume.Volume{}, err
	}
	// If the volume lacks the volumeNamePrefix of the present configuration, its note stays: without the note, the volume would
	// not be found again.
	if c.index.forgetLate(found.Name, found.Cluster) && c.client.Backend().OfThisInstallation(found.Name) {
		c.journal.forget(createKey(c.backend, found.Name))
	}
	if err := c.compatible(found); err != nil {
		return volume.Volume{}, err
	}
	v := newVolume(c.backend, found)
	c.index.made(v)
	c.observer.Existing(c.backend)
	return v, nil
}

// compatible compares an existing volume with the request. The names are not compared: their digests are equal, and the rest of a
// name is for human readers.
func (c creation) compatible(v heketi.Volume) error {
	var differences []string
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if size := int64(v.SizeGiB) * volume.GiB; !c.capacity.Allows(size) {
		differ("its size is %d bytes, requested are %d to %d (0: no limit)", size, c.capacity.RequiredBytes, c.capacity.LimitBytes)
	}
	if v.Durability != c.durability {
		differ("its volumetype is %s, requested is %s", v.Durability, c.durability)
	}
	if c.clusters != "" && !slices.Contains(strings.Split(c.clusters, ","), v.Cluster) {
		differ("it lies in cluster %s, requested is %s", v.Cluster, c.clusters)
	}
	if !c.gids.Contains(v.GID) {
		differ("its group id is %d, requested is one from %d to %d", v.GID, c.gids.Min, c.gids.Max)
	}
	for _, option := range c.optionList() { // Heketi adds some options itself
		if !slices.Contains(v.Options, option) {
			differ("it was made without the option %q, its options are %q", option, v.Options)
		}
	}
	if float32(v.SnapFactor) != float32(c.snapFactor) { // Heketi stores a float32
		differ("its snapfactor is %v, requested is %v", float32(v.SnapFactor), float32(c.snapFactor))
	}
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w: volume %s: %s", volume.ErrIncompatible, v.Name, strings.Join(differences, "; "))
}

// explainMissing explains a "not found" from Heketi: the volume is gone (ErrNotFound), Heketi hides it while an operation runs
// (ErrBusy), or Heketi has lost its database (ErrUnavailable). Other errors are returned unchanged.
func explainMissing(ctx context.Context, client *heketi.Client, x *index, handle volume.Handle, err error) error {
	if !errors.Is(err, volume.ErrNotFound) {
		return err
	}
	dump, dumpErr := x.recordsSince(ctx, client, time.Now())
	if dumpErr != nil {
		return dumpErr
	}
	if _, ok := dump.Volumes[handle.ID]; ok {
		return pending(dump, handle)
	}
	return err
}

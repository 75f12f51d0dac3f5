package heketi

import (
	"slices"
	"strings"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// CreateRequest requests a volume in exactly one cluster. Heketi checks names per cluster, so only a request for one cluster is
// safe to repeat.
type CreateRequest struct {
	Name       string
	Cluster    string
	SizeGiB    int
	Durability volume.Durability
	GID        int64
	Options    []string // "key value"; Heketi pastes them into a shell command
	SnapFactor float64
}

func (r CreateRequest) api() *api.VolumeCreateRequest {
	request := &api.VolumeCreateRequest{Name: r.Name, Clusters: []string{r.Cluster}, Size: r.SizeGiB}
	request.Durability.Type = api.DurabilityType(r.Durability.Type)
	request.Durability.Replicate.Replica = r.Durability.Replica
	request.Durability.Disperse.Data = r.Durability.Data
	request.Durability.Disperse.Redundancy = r.Durability.Redundancy
	request.Gid = r.GID
	request.GlusterVolumeOptions = r.Options
	// As in the in-tree plugin, this only enlarges the thin pools, by the factor.
	request.Snapshot.Enable, request.Snapshot.Factor = true, float32(r.SnapFactor)
	return request
}

// Volume describes a complete volume as Heketi reports it.
type Volume struct {
	ID         string
	Name       string
	Cluster    string
	SizeGiB    int
	GID        int64
	Durability volume.Durability
	Options    []string // "key value", including those that Heketi sets on every volume
	SnapFactor float64
	Hosts      []string // storage addresses of all nodes of the cluster
	Bricks     []string // ids
	BricksKiB  uint64   // sum of the bricks' sizes, including copies and redundancy
	Block      bool     // it hosts block volumes and must not be mounted as a file system
}

func newVolume(info *api.VolumeInfoResponse) Volume {
	v := Volume{
		ID:         info.Id,
		Name:       info.Name,
		Cluster:    info.Cluster,
		SizeGiB:    info.Size,
		GID:        info.Gid,
		Durability: newDurability(info.Durability),
		// Heketi's ready-made option backup-volfile-servers is not used: its commas would end the mount option that contains it.
		Hosts: info.Mount.GlusterFS.Hosts,
		Block: info.Block,
		// Heketi puts the request's options between the options that Heketi adds, and an empty text in place of those if it adds none.
		Options:    slices.DeleteFunc(slices.Clone(info.GlusterVolumeOptions), func(o string) bool { return strings.TrimSpace(o) == "" }),
		SnapFactor: max(1, float64(info.Snapshot.Factor)),
	}
	for _, brick := range info.Bricks {
		v.Bricks = append(v.Bricks, brick.Id)
		v.BricksKiB += brick.Size
	}
	return v
}

// DataGiB returns how much data fits into the volume's bricks, in whole GiB, computed from the sizes of the bricks. It equals the
// recorded size, unless two expands have overlapped or one was cut off: Heketi then does not record one of them. The result ok is
// false for a volume with arbiter bricks, whose sizes do not follow from the volume's size alone.
func (v Volume) DataGiB() (gib int, ok bool) {
	layout := v.Layout()
	if volume.HasArbiter(layout.Options) {
		return 0, false
	}
	return int(v.BricksKiB * layout.data() / uint64(layout.BricksInSet()) / kibPerGiB), true
}

// Layout returns the properties that determine where the bricks of an expand fit.
func (v Volume) Layout() Layout {
	layout := Layout{Durability: v.Durability, SnapFactor: v.SnapFactor, Bricks: len(v.Bricks)}
	for _, o := range v.Options {
		key, value, _ := strings.Cut(o, " ")
		layout.Options = append(layout.Options, volume.Option{Key: key, Value: value})
	}
	return layout
}

// newDurability fills in Heketi's defaults, because Heketi returns the durability as it was requested. An absent type means none,
// and an absent replica count means 2 (heketi: apps/glusterfs/volume_durability*.go).
func newDurability(d api.VolumeDurabilityInfo) volume.Durability {
	switch d.Type {
	case api.DurabilityReplicate:
		replica := d.Replicate.Replica
		if replica == 0 {
			replica = 2
		}
		return volume.Durability{Type: volume.Replicate, Replica: replica}
	case api.DurabilityEC:
		return volume.Durability{Type: volume.Disperse, Data: d.Disperse.Data, Redundancy: d.Disperse.Redundancy}
	case api.DurabilityDistributeOnly:
	}
	return volume.Durability{Type: volume.None}
}

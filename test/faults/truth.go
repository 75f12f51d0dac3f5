package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	goclient "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Truth is the content of Heketi's own database, read without the proxy.
type Truth struct {
	Volumes    map[string]Recorded // by id
	Operations map[string]string   // status by id ("" runs, "stale", "failed")
}

// Recorded is a volume in Heketi's database.
type Recorded struct {
	Name    string
	Cluster string
	SizeGiB int
	GID     int64
	Pending string   // id of the operation that creates or removes the volume
	Bricks  []string // sorted ids
	DataKiB uint64   // the data capacity of the bricks, without replicas and redundancy
}

// Same reports whether a volume is unchanged.
func (r Recorded) Same(other Recorded) bool {
	bricks := slices.Equal(r.Bricks, other.Bricks)
	r.Bricks, other.Bricks = nil, nil
	return bricks && fmt.Sprint(r) == fmt.Sprint(other)
}

type dumpedVolume struct {
	Info struct {
		Name       string                   `json:"name"`
		Cluster    string                   `json:"cluster"`
		Size       int                      `json:"size"`
		Gid        int64                    `json:"gid"`
		Durability api.VolumeDurabilityInfo `json:"durability"`
	} `json:"Info"`
	Bricks  []string `json:"Bricks"`
	Pending struct {
		ID string `json:"Id"`
	} `json:"Pending"`
}

type dumpedBrick struct {
	Info struct {
		Size uint64 `json:"size"` // KiB
	} `json:"Info"`
}

func readTruth(client *goclient.Client) (Truth, error) {
	text, err := client.DbDump()
	if err != nil {
		return Truth{}, fmt.Errorf("database of Heketi: %w", err)
	}
	var dump struct {
		Volumes    map[string]dumpedVolume `json:"volumeentries"`
		Bricks     map[string]dumpedBrick  `json:"brickentries"`
		Operations map[string]struct {
			Status string `json:"Status"`
		} `json:"pendingoperations"`
	}
	if err := json.Unmarshal([]byte(text), &dump); err != nil {
		return Truth{}, fmt.Errorf("database of Heketi: %w", err)
	}
	truth := Truth{Volumes: map[string]Recorded{}, Operations: map[string]string{}}
	for id, v := range dump.Volumes {
		r := Recorded{
			Name: v.Info.Name, Cluster: v.Info.Cluster, SizeGiB: v.Info.Size, GID: v.Info.Gid,
			Pending: v.Pending.ID, Bricks: slices.Sorted(slices.Values(v.Bricks)),
		}
		for _, brick := range v.Bricks {
			r.DataKiB += dump.Bricks[brick].Info.Size
		}
		data, all := shares(v.Info.Durability)
		r.DataKiB = r.DataKiB * data / all
		truth.Volumes[id] = r
	}
	for id, op := range dump.Operations {
		truth.Operations[id] = op.Status
	}
	return truth, nil
}

// shares returns how many bricks of a set hold data that no other brick holds, and how many bricks the set has.
func shares(d api.VolumeDurabilityInfo) (data, all uint64) {
	switch d.Type {
	case api.DurabilityReplicate:
		return 1, uint64(max(d.Replicate.Replica, 2))
	case api.DurabilityEC:
		return uint64(d.Disperse.Data), uint64(d.Disperse.Data + d.Disperse.Redundancy)
	case api.DurabilityDistributeOnly:
	}
	return 1, 1
}

// Of returns the sorted ids of the volumes of a CSI name. Their gluster names share the digest of that name.
func (t Truth) Of(csiName string) []string {
	name := volume.GlusterName(csiName, volume.Naming{})
	digest := name[strings.LastIndex(name, "-"):]
	var ids []string
	for _, id := range sortedKeys(t.Volumes) {
		if name := t.Volumes[id].Name; volume.IsOurs(name) && strings.HasSuffix(name, digest) {
			ids = append(ids, id)
		}
	}
	return ids
}

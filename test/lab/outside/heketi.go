package outside

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// HeketiVolume is what Heketi's database knows of a volume, finished or not.
type HeketiVolume struct {
	ID, Name   string
	GiB        int
	Durability string // as in the parameter volumetype
	Pending    string // the operation that has not ended
}

// dump is a part of what heketi-cli prints of the database. "volume list" would hide what is pending.
type dump struct {
	Volumes map[string]struct {
		Info    api.VolumeInfo `json:"Info"`
		Pending struct {
			ID string `json:"Id"`
		} `json:"Pending"`
	} `json:"volumeentries"`
	Bricks map[string]json.RawMessage `json:"brickentries"`
}

// HeketiVolumes lists Heketi's volumes.
func HeketiVolumes(ctx context.Context, h lab.HeketiCLI) ([]HeketiVolume, error) {
	var d dump
	if err := ask(ctx, h, &d, "db", "dump"); err != nil {
		return nil, err
	}
	all := make([]HeketiVolume, 0, len(d.Volumes))
	for id, v := range d.Volumes {
		all = append(all, HeketiVolume{
			ID: id, Name: v.Info.Name, GiB: v.Info.Size, Durability: durability(v.Info.Durability), Pending: v.Pending.ID,
		})
	}
	return all, nil
}

func durability(d api.VolumeDurabilityInfo) string {
	switch d.Type {
	case api.DurabilityReplicate:
		return fmt.Sprintf("replicate:%d", d.Replicate.Replica)
	case api.DurabilityEC:
		return fmt.Sprintf("disperse:%d:%d", d.Disperse.Data, d.Disperse.Redundancy)
	case api.DurabilityDistributeOnly:
	}
	return string(d.Type)
}

// InHeketi are Heketi's volumes of a name. There may never be two.
func InHeketi(ctx context.Context, h lab.HeketiCLI, name string) ([]HeketiVolume, error) {
	all, err := HeketiVolumes(ctx, h)
	return slices.DeleteFunc(all, func(v HeketiVolume) bool { return v.Name != name }), err
}

// BricksInHeketi are the ids of all bricks of all volumes.
func BricksInHeketi(ctx context.Context, h lab.HeketiCLI) (map[string]bool, error) {
	var d dump
	err := ask(ctx, h, &d, "db", "dump")
	ids := map[string]bool{}
	for id := range d.Bricks {
		ids[id] = true
	}
	return ids, err
}

// Topology is Heketi's clusters, with all that is in them.
func Topology(ctx context.Context, h lab.HeketiCLI) (t api.TopologyInfoResponse, err error) {
	return t, ask(ctx, h, &t, "topology", "info", "--json")
}

// ask reads what heketi-cli prints as JSON.
func ask(ctx context.Context, h lab.HeketiCLI, answer any, args ...string) error {
	out, err := h.CLI(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("heketi-cli %v: %w", args, err)
	}
	return nil
}

var operationID = regexp.MustCompile(`Id:([0-9a-f]{32})`)

// Operations are the ids of Heketi's operations that have not ended.
func Operations(ctx context.Context, h lab.HeketiCLI) ([]string, error) {
	out, err := h.CLI(ctx, "server", "operations", "list")
	found := operationID.FindAllSubmatch(out, -1)
	ids := make([]string, 0, len(found))
	for _, match := range found {
		ids = append(ids, string(match[1]))
	}
	return ids, err
}

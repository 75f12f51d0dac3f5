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

// HeketiVolume is a volume in Heketi's database, finished or not.
type HeketiVolume struct {
	ID, Name   string
	GiB        int
	Durability string // a value of the parameter volumetype
	Pending    string // the id of the operation in progress
}

// dump holds a part of heketi-cli's dump of the database. "volume list" would hide pending volumes.
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

// InHeketi returns Heketi's volumes of a name. There must never be two.
func InHeketi(ctx context.Context, h lab.HeketiCLI, name string) ([]HeketiVolume, error) {
	all, err := HeketiVolumes(ctx, h)
	return slices.DeleteFunc(all, func(v HeketiVolume) bool { return v.Name != name }), err
}

// BricksInHeketi returns the ids of all bricks of all volumes.
func BricksInHeketi(ctx context.Context, h lab.HeketiCLI) (map[string]bool, error) {
	var d dump
	err := ask(ctx, h, &d, "db", "dump")
	ids := map[string]bool{}
	for id := range d.Bricks {
		ids[id] = true
	}
	return ids, err
}

// Topology returns Heketi's clusters with their whole content.
func Topology(ctx context.Context, h lab.HeketiCLI) (t api.TopologyInfoResponse, err error) {
	return t, ask(ctx, h, &t, "topology", "info", "--json")
}

// ask decodes the JSON output of heketi-cli.
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

// Operations returns the ids of Heketi's operations in progress.
func Operations(ctx context.Context, h lab.HeketiCLI) ([]string, error) {
	out, err := h.CLI(ctx, "server", "operations", "list")
	found := operationID.FindAllSubmatch(out, -1)
	ids := make([]string, 0, len(found))
	for _, match := range found {
		ids = append(ids, string(match[1]))
	}
	return ids, err
}

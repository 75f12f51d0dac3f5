package heketi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestDurability(t *testing.T) {
	for _, tc := range []struct {
		info api.VolumeDurabilityInfo
		want volume.Durability
	}{
		{api.VolumeDurabilityInfo{}, volume.Durability{Type: volume.None}},
		{api.VolumeDurabilityInfo{Type: "none"}, volume.Durability{Type: volume.None}},
		{api.VolumeDurabilityInfo{Type: "replicate"}, volume.Durability{Type: volume.Replicate, Replica: 2}},
		{
			api.VolumeDurabilityInfo{Type: "replicate", Replicate: api.ReplicaDurability{Replica: 3}},
			volume.Durability{Type: volume.Replicate, Replica: 3},
		},
		{
			api.VolumeDurabilityInfo{Type: "disperse", Disperse: api.DisperseDurability{Data: 4, Redundancy: 2}},
			volume.Durability{Type: volume.Disperse, Data: 4, Redundancy: 2},
		},
	} {
		if got := newDurability(tc.info); got != tc.want {
			t.Errorf("%+v is %v, want %v", tc.info, got, tc.want)
		}
	}
	for _, s := range []string{"replicate:1", "replicate:3", "disperse:8:4", "none"} {
		want, err := volume.ParseDurability(s)
		if err != nil {
			t.Fatal(err)
		}
		request := CreateRequest{Name: "v", Cluster: "c", SizeGiB: 1, Durability: want}.api()
		if diff := cmp.Diff(want, newDurability(request.Durability)); diff != "" {
			t.Errorf("%s: %s", s, diff)
		}
	}
}

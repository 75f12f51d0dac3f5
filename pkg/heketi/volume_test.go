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
	for _, s := range []string{"replicate:2", "replicate:3", "disperse:8:4", "none"} {
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

func TestLayoutOfAVolume(t *testing.T) {
	three := volume.DefaultDurability()
	for _, tc := range []struct {
		volume  Volume
		want    Layout
		arbiter bool
		sets    int
		inASet  int
	}{
		{volume: Volume{Durability: three, SnapFactor: 1.5, Bricks: make([]string, 27)}, want: Layout{Durability: three, SnapFactor: 1.5, Bricks: 27}, sets: 1, inASet: 3},
		{
			volume: Volume{Durability: three, Options: []string{"user.heketi.arbiter true", "server.tcp-user-timeout 42", "odd"}, Bricks: make([]string, 33)},
			want: Layout{
				Durability: three, Bricks: 33,
				Options: []volume.Option{{Key: "user.heketi.arbiter", Value: "true"}, {Key: "server.tcp-user-timeout", Value: "42"}, {Key: "odd"}},
			},
			arbiter: true, inASet: 3,
		},
		{
			volume: Volume{Durability: volume.Durability{Type: volume.None}, Options: []string{"user.heketi.arbiter false"}, Bricks: make([]string, 1)},
			want:   Layout{Durability: volume.Durability{Type: volume.None}, Bricks: 1, Options: []volume.Option{{Key: "user.heketi.arbiter", Value: "false"}}},
			sets:   31, inASet: 1,
		},
	} {
		got := tc.volume.Layout()
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
		if volume.HasArbiter(got.Options) != tc.arbiter {
			t.Errorf("%+v: arbiter %t, want %t", tc.volume, volume.HasArbiter(got.Options), tc.arbiter)
		}
		if got.SetsLeft() != tc.sets || got.BricksInSet() != tc.inASet {
			t.Errorf("%+v: %d sets of %d bricks, want %d of %d", tc.volume, got.SetsLeft(), got.BricksInSet(), tc.sets, tc.inASet)
		}
	}
}

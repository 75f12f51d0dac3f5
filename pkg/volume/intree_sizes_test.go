package volume

import (
	"errors"
	"slices"
	"testing"
)

// TestInTreeSizes compares the sizes that the plugin requested from Heketi, in GiB, with this driver's (kubernetes:
// pkg/volume/glusterfs/glusterfs.go, CreateVolume).
func TestInTreeSizes(t *testing.T) {
	for _, tt := range []struct {
		bytes      int64
		volumetype string
		inTree     int
		want       int
		why        string // they differ
	}{
		{1, "replicate:3", 1, 1, ""},
		{1000 * 1000 * 1000, "replicate:3", 1, 1, ""},
		{GiB, "replicate:3", 1, 1, ""},
		{GiB + 1, "replicate:3", 2, 2, ""},
		{10 * GiB, "none", 10, 10, ""},
		{3*GiB - 1, "disperse:4:2", 3, 4, "Heketi refuses a dispersed volume with bricks below 1 GiB"},
		{4*GiB + 1, "disperse:4:2", 5, 5, ""},
	} {
		durability, err := ParseDurability(tt.volumetype)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Capacity{RequiredBytes: tt.bytes}.SizeGiB(durability.MinGiB())
		if err != nil || got != tt.want || (got != tt.inTree) != (tt.why != "") {
			t.Errorf("%d bytes of %s: %d GiB, %v; want %d, in-tree %d (%s)", tt.bytes, tt.volumetype, got, err, tt.want, tt.inTree, tt.why)
		}
	}
}

// TestInTreeGroupIDs: the plugin's allocator returned the lowest free id of the range, both ends included (kubernetes:
// pkg/volume/glusterfs/glusterfs_minmax.go).
func TestInTreeGroupIDs(t *testing.T) {
	const none = -1
	for _, tt := range []struct {
		name     string
		low      string
		high     string
		taken    []int64
		inTree   int64
		want     int64
		why      string // they differ
		whatElse error
	}{
		{"first", "2000", "2005", nil, 2000, 2000, "", nil},
		{"after two", "2000", "2005", []int64{2000, 2001}, 2002, 2002, "", nil},
		{"a gap", "2000", "2005", []int64{2000, 2002}, 2001, 2001, "", nil},
		{"the last", "2000", "2001", []int64{2000}, 2001, 2001, "", nil},
		{"none is left", "2000", "2001", []int64{2000, 2001}, none, none, "", ErrExhausted},
		{"a range of one", "4000", "4000", nil, 4000, 4000, "", nil},
		{"outside the range", "4000", "4001", []int64{2000, 4002}, 4000, 4000, "", nil},
		{"the highest", "2147483646", "2147483647", []int64{2147483646}, 2147483647, none, "Heketi refuses that id", ErrExhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParseParameters(map[string]string{"gidMin": tt.low, "gidMax": tt.high})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.GIDs.Lowest(func(gid int64) bool { return slices.Contains(tt.taken, gid) })
			if err != nil {
				got = none
			}
			if got != tt.want || !errors.Is(err, tt.whatElse) || (got != tt.inTree) != (tt.why != "") {
				t.Errorf("%d, %v; want %d, in-tree %d (%s)", got, err, tt.want, tt.inTree, tt.why)
			}
		})
	}
}

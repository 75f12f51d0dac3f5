package heketi

import (
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestSets(t *testing.T) {
	for _, tt := range []struct {
		durability volume.Durability
		bricks     int
		inSet      int
		left       int
		data       uint64
	}{
		{volume.Durability{Type: volume.None}, 0, 1, 32, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 1}, 0, 1, 32, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 2}, 0, 2, 16, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 3}, 0, 3, 10, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 3}, 30, 3, 0, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 3}, 33, 3, 0, 1},
		{volume.Durability{Type: volume.Replicate, Replica: 1}, 33, 1, 0, 1},
		{volume.Durability{Type: volume.Replicate}, 0, 1, 32, 1}, // no volume of Heketi's has this durability
		{volume.Durability{Type: volume.Disperse, Data: 4, Redundancy: 2}, 0, 6, 5, 4},
		{volume.Durability{Type: volume.Disperse}, 0, 1, 32, 1},
	} {
		l := Layout{Durability: tt.durability, Bricks: tt.bricks}
		if l.BricksInSet() != tt.inSet || l.SetsLeft() != tt.left || l.data() != tt.data {
			t.Errorf("%+v: %d in a set, %d sets left, %d for data; want %d, %d, %d", l, l.BricksInSet(), l.SetsLeft(), l.data(), tt.inSet, tt.left, tt.data)
		}
	}
}

func TestRoundUp(t *testing.T) {
	for _, tt := range [][3]uint64{{0, 4096, 0}, {1, 4096, 4096}, {4096, 4096, 4096}, {4097, 4096, 8192}, {5, 1, 5}} {
		if got := roundUp(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%d to whole %d: %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}

// TestWhatABrickTakes: a brick takes its pool and the pool's metadata, and one KiB of the disk stays free.
func TestWhatABrickTakes(t *testing.T) {
	l := Layout{SnapFactor: 1}
	for free, want := range map[uint64]int{0: 0, 1: 0, oneGiB: 0, oneGiB + 1: 1, 2 * oneGiB: 1, 2*oneGiB + 1: 2} {
		if got := l.bricksOn(disk{free, 4096}, kibPerGiB); got != want {
			t.Errorf("%d KiB free: %d bricks, want %d", free, got, want)
		}
	}
	if got := l.neededKiB(disk{0, 1}, 0); got != 1 {
		t.Errorf("nothing needs %d KiB, want 1: it divides", got)
	}
	// A disk smaller than the smallest brick holds none.
	for free, want := range map[uint64]uint64{0: 0, oneGiB: 0, oneGiB + 8192: kibPerGiB, kibPerGiB: 0} {
		if got := l.usableKiB(disk{free, 4096}) / kibPerGiB * kibPerGiB; got != want {
			t.Errorf("%d KiB free: %d KiB of bricks, want %d", free, got, want)
		}
	}
	if got := l.usableKiB(disk{oneGiB / 2, 4096}); got != 0 {
		t.Errorf("half a GiB: %d KiB of bricks", got)
	}
}

// TestLargestVolumes: the largest volume has as many sets of the largest bricks as Heketi makes, which is a power of two.
func TestLargestVolumes(t *testing.T) {
	const pib = 1 << 40 // KiB
	six := cluster(disks(pib), disks(pib), disks(pib), disks(pib), disks(pib), disks(pib))
	for volumeType, want := range map[string]int{
		"none": 32 * 4096, "replicate:2": 16 * 4096, "replicate:3": 8 * 4096, "disperse:4:2": 4 * 4 * 4096, "disperse:2:1": 8 * 2 * 4096,
	} {
		d, err := volume.ParseDurability(volumeType)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewRoom(six, "c", Layout{Durability: d, SnapFactor: 1}).LargestGiB(); got != want {
			t.Errorf("%s: %d GiB, want %d", volumeType, got, want)
		}
	}
	// A brick of a dispersed volume is at least 1 GiB.
	small := cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1))
	d := volume.Durability{Type: volume.Disperse, Data: 4, Redundancy: 2}
	if got := NewRoom(small, "c", Layout{Durability: d, SnapFactor: 1}).LargestGiB(); got != 4 {
		t.Errorf("six disks of 1 GiB: %d GiB, want 4", got)
	}
	smaller := cluster(disks(oneGiB-1), disks(oneGiB-1), disks(oneGiB-1), disks(oneGiB-1), disks(oneGiB-1), disks(oneGiB-1))
	if got := NewRoom(smaller, "c", Layout{Durability: d, SnapFactor: 1}).LargestGiB(); got != 0 {
		t.Errorf("six disks of less than 1 GiB: %d GiB, want 0", got)
	}
}

// TestArbiterDisks: disks set aside for arbiter bricks take no data, and without a disk for them nothing fits.
func TestArbiterDisks(t *testing.T) {
	tag := func(d Dump, value string, devices ...string) Dump {
		for _, id := range devices {
			change(d.Devices, id, func(v *DumpDevice) { v.Tags = map[string]string{tagArbiter: value} })
		}
		return d
	}
	layout := func(arbiter string) Layout {
		l := Layout{Durability: volume.DefaultDurability(), SnapFactor: 1}
		if arbiter != "" {
			l.Options = []volume.Option{{Key: "user.heketi.arbiter", Value: arbiter}}
		}
		return l
	}
	three := func() Dump { return cluster(disks(2*oneGiB+1), disks(2*oneGiB+1), disks(2*oneGiB+1)) }
	four := func() Dump { return cluster(disks(2*oneGiB+1), disks(2*oneGiB+1), disks(2*oneGiB+1), disks(oneGiB+1)) }
	two := func() Dump { return cluster(disks(2*oneGiB+1, oneGiB), disks(2*oneGiB+1, oneGiB)) }
	// mixed returns three nodes with two disks each, the first of n1 with that many GiB, the first of the others with two.
	mixed := func(n1 uint64) Dump {
		return cluster(disks(n1*oneGiB+1, oneGiB), disks(2*oneGiB+1, oneGiB), disks(2*oneGiB+1, oneGiB))
	}
	for name, tt := range map[string]struct {
		dump    Dump
		arbiter string
		want    int
	}{
		"three disks":                                  {three(), "true", 2},
		"one takes no arbiter bricks":                  {tag(three(), arbiterDisabled, "n1-d1"), "true", 2},
		"none takes arbiter bricks":                    {tag(three(), arbiterDisabled, "n1-d1", "n2-d1", "n3-d1"), "true", 0},
		"none takes arbiter bricks, none are wanted":   {tag(three(), arbiterDisabled, "n1-d1", "n2-d1", "n3-d1"), "", 2},
		"none takes arbiter bricks, wanted is no":      {tag(three(), arbiterDisabled, "n1-d1", "n2-d1", "n3-d1"), "false", 2},
		"none takes arbiter bricks, wanted is rubbish": {tag(three(), arbiterDisabled, "n1-d1", "n2-d1", "n3-d1"), "maybe", 2},
		"one is set aside":                             {tag(three(), arbiterRequired, "n3-d1"), "true", 2},
		"one is set aside, none are wanted":            {tag(four(), arbiterRequired, "n4-d1"), "", 2},
		"the smallest is set aside":                    {tag(four(), arbiterRequired, "n4-d1"), "true", 2},
		"the smallest of three, none are wanted":       {tag(cluster(disks(2*oneGiB+1), disks(2*oneGiB+1), disks(oneGiB+1)), arbiterRequired, "n3-d1"), "", 1},
		"two are set aside":                            {tag(three(), arbiterRequired, "n2-d1", "n3-d1"), "true", 0},
		"one node has a disk of each kind":             {tag(mixed(2), arbiterRequired, "n1-d2"), "true", 2},
		"one node has a small disk of each kind":       {tag(mixed(1), arbiterRequired, "n1-d2"), "true", 2},
		"two nodes have a disk of each kind":           {tag(mixed(2), arbiterRequired, "n1-d2", "n2-d2"), "true", 2},
		"all nodes have a disk of each kind":           {tag(mixed(2), arbiterRequired, "n1-d2", "n2-d2", "n3-d2"), "true", 2},
		"the small data disk is not always left out":   {tag(mixed(1), arbiterRequired, "n1-d2", "n2-d2"), "true", 1},
		"there is no third node":                       {tag(two(), arbiterRequired, "n1-d2"), "true", 0},
		"there is no third node, and two of each kind": {tag(two(), arbiterRequired, "n1-d2", "n2-d2"), "true", 0},
	} {
		room := NewRoom(tt.dump, "c", layout(tt.arbiter))
		if got := room.LargestGiB(); got != tt.want {
			t.Errorf("%s: %d GiB, want %d", name, got, tt.want)
		}
		if got := room.TotalGiB(); got < tt.want || (got == 0) != (tt.want == 0) {
			t.Errorf("%s: %d GiB in all, and the largest volume has %d", name, got, tt.want)
		}
	}
}

// TestArbiterDisksInZones: one node in each zone is set aside for arbiter bricks, and one takes the data.
func TestArbiterDisksInZones(t *testing.T) {
	d := cluster(disks(2*oneGiB+1), disks(oneGiB), disks(2*oneGiB+1), disks(oneGiB), disks(2*oneGiB+1), disks(oneGiB))
	for i, id := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		change(d.Nodes, id, func(v *DumpNode) {
			v.Zone = 1 + i/2
			if i%2 == 1 {
				v.Tags = map[string]string{tagArbiter: arbiterRequired}
			}
		})
	}
	room := NewRoom(d, "c", Layout{Durability: volume.DefaultDurability(), SnapFactor: 1, Options: []volume.Option{
		{Key: optionZoneChecking, Value: "strict"}, {Key: "user.heketi.arbiter", Value: "true"},
	}})
	if largest, total := room.LargestGiB(), room.TotalGiB(); largest != 2 || total != 3 {
		t.Errorf("largest %d GiB, total %d GiB; want 2 and 3", largest, total)
	}
}

// TestPlacesOfTheData: a set of two with one arbiter brick needs one place, and so does a set of one.
func TestPlacesOfTheData(t *testing.T) {
	d := cluster(disks(2*oneGiB+1), disks(oneGiB+1))
	change(d.Devices, "n2-d1", func(v *DumpDevice) { v.Tags = map[string]string{tagArbiter: arbiterRequired} })
	for _, durability := range []volume.Durability{{Type: volume.Replicate, Replica: 2}, {Type: volume.None}} {
		l := Layout{Durability: durability, SnapFactor: 1, Options: []volume.Option{{Key: "user.heketi.arbiter", Value: "true"}}}
		if got := NewRoom(d, "c", l).LargestGiB(); got != 2 {
			t.Errorf("%s: %d GiB, want 2", durability, got)
		}
	}
}

// TestLastKiB: disks that lack one KiB for 2 GiB have room for 1 GiB, by either way of computing it.
func TestLastKiB(t *testing.T) {
	const two = 2*kibPerGiB + 10485 // with its metadata of 0.5 %, in extents of 1 KiB
	for free, want := range map[uint64]int{two: 1, two + 1: 2} {
		for _, extent := range []uint64{0, 1} {
			d := cluster(disks(free), disks(free), disks(free))
			for id := range d.Devices {
				change(d.Devices, id, func(v *DumpDevice) { v.ExtentKiB = extent })
			}
			room := NewRoom(d, "c", Layout{Durability: volume.DefaultDurability(), SnapFactor: 1, Bricks: MostBricks - 3}) // one more set
			if largest, total := room.LargestGiB(), room.TotalGiB(); largest != want || total != want {
				t.Errorf("%d KiB in extents of %d: largest %d GiB, total %d GiB; want %d", free, extent, largest, total, want)
			}
		}
	}
}

// TestDevicesWithoutExtents: Heketi's records may lack the extent size, which is a divisor.
func TestDevicesWithoutExtents(t *testing.T) {
	d := cluster(disks(2*oneGiB), disks(2*oneGiB), disks(2*oneGiB))
	for id := range d.Devices {
		change(d.Devices, id, func(v *DumpDevice) { v.ExtentKiB = 0 })
	}
	if got := NewRoom(d, "c", Layout{Durability: volume.DefaultDurability(), SnapFactor: 1}).LargestGiB(); got != 2 {
		t.Errorf("%d GiB, want 2: without rounding", got)
	}
}

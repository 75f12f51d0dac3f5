package heketi

import (
	"cmp"
	"slices"
	"sort"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Heketi's default limits; they are settings of the server that it does not publish (heketi: apps/glusterfs/limits.go).
const (
	kibPerGiB       = 1 << 20
	smallestBrick   = 1 * kibPerGiB
	largestBrick    = 4 * 1024 * kibPerGiB
	largestMetadata = 16 * kibPerGiB

	// MostBricks is how many bricks a volume may have.
	MostBricks = 32
)

// Layout is what of a volume decides where it fits.
type Layout struct {
	Durability volume.Durability
	SnapFactor float64
	Options    []volume.Option
	Bricks     int // that the volume has already
}

// BricksInSet is the number of bricks that Heketi adds at once.
func (l Layout) BricksInSet() int {
	switch l.Durability.Type {
	case volume.Replicate:
		return max(l.Durability.Replica, 1)
	case volume.Disperse:
		return max(l.Durability.Data+l.Durability.Redundancy, 1)
	case volume.None:
	}
	return 1
}

// SetsLeft is how many sets of bricks the volume may still get.
func (l Layout) SetsLeft() int { return max(0, MostBricks-l.Bricks) / l.BricksInSet() }

// data is the number of bricks among which the data of a set is split.
func (l Layout) data() uint64 {
	if l.Durability.Type == volume.Disperse {
		return uint64(max(l.Durability.Data, 1))
	}
	return 1
}

// brickKiB is the size of a brick when a volume is made of so many sets (heketi: BrickSizeGenerator).
func (l Layout) brickKiB(sizeGiB, sets int) uint64 {
	return uint64(sizeGiB) * kibPerGiB / uint64(sets) / l.data()
}

// Room is what a cluster has free for volumes of one layout.
type Room struct {
	cluster string
	layout  Layout
	places  int      // bricks of a set that need a place of their own
	groups  [][]disk // disks that can take only one brick of a set among them
}

type disk struct {
	freeKiB, extentKiB uint64
}

// LargestGiB is the largest volume that surely fits, in whichever order Heketi tries the disks; 0 is none. For a volume
// that has bricks already it is by how much one expand may surely enlarge it.
func (r Room) LargestGiB() int {
	largest := 0
	for sets := 1; sets <= r.layout.SetsLeft(); sets *= 2 {
		// With the number of sets fixed, a smaller volume fits wherever a larger one does.
		limit := sets * largestBrick / kibPerGiB * int(r.layout.data())
		fits := func(sizeGiB int) bool { return r.surelyFits(r.layout.brickKiB(sizeGiB, sets), sets) }
		size := sort.Search(limit, func(i int) bool { return !fits(i + 1) })
		if r.layout.brickKiB(size, sets) >= smallestBrick {
			largest = max(largest, size)
		}
	}
	return min(largest, volume.MaxGiB)
}

// surelyFits reports whether so many sets of bricks of a size find their places. Heketi takes the disks in random
// order and does not look ahead, so that with more groups of disks than places it may use up the wrong ones first.
func (r Room) surelyFits(brickKiB uint64, sets int) bool {
	if len(r.groups) < r.places {
		return false
	}
	counts := make([]int, len(r.groups)) // of bricks that each group can take, however they are spread
	for i, disks := range r.groups {
		for _, d := range disks {
			counts[i] += min(r.layout.bricksOn(d, brickKiB), sets)
		}
	}
	slices.SortFunc(counts, func(a, b int) int { return cmp.Compare(b, a) })
	// It fails only when, before the last set, all but places-1 of the groups are full. A group that can take a brick
	// of every set is not, and neither are all of the smallest together when they hold more than the sets before take.
	if counts[r.places-1] >= sets {
		return true
	}
	smallest := 0
	for _, n := range counts[r.places-1:] {
		smallest += n
	}
	return smallest > (sets-1)*r.places
}

// bricksOn is how many bricks of a size a disk can take.
func (l Layout) bricksOn(d disk, brickKiB uint64) int {
	if d.freeKiB == 0 {
		return 0
	}
	return int((d.freeKiB - 1) / l.neededKiB(d, brickKiB)) // Heketi leaves at least 1 KiB free
}

// neededKiB is what a brick takes of a disk: its thin pool and the pool's metadata (heketi: DeviceEntry.SpaceNeeded).
func (l Layout) neededKiB(d disk, brickKiB uint64) uint64 {
	pool := roundUp(uint64(float64(brickKiB)*float64(float32(l.SnapFactor))), d.extentKiB)
	metadata := roundUp(min(uint64(float64(pool)*0.005), largestMetadata), d.extentKiB)
	return max(pool+metadata, 1)
}

func roundUp(n, unit uint64) uint64 { return (n + unit - 1) / unit * unit }

// TotalGiB estimates the sum of the volumes that fit when their sizes suit the disks.
func (r Room) TotalGiB() int {
	if len(r.groups) < r.places {
		return 0
	}
	var usable []uint64 // KiB of bricks for each group
	var sum uint64
	for _, disks := range r.groups {
		var n uint64
		for _, d := range disks {
			n += r.layout.usableKiB(d)
		}
		usable = append(usable, n)
		sum += n
	}
	// The copies of x KiB need x KiB in each of as many groups as there are places; a group holds at most one copy.
	copies := sort.Search(int(sum), func(i int) bool {
		x := uint64(i) + 1
		var held uint64
		for _, n := range usable {
			held += min(n, x)
		}
		return held < x*uint64(r.places)
	})
	return int(uint64(copies) * r.layout.data() / kibPerGiB)
}

// usableKiB is the size of all bricks on a disk, when these are as large as they can be.
func (l Layout) usableKiB(d disk) uint64 {
	whole := uint64(l.bricksOn(d, largestBrick))
	rest := d.freeKiB - whole*l.neededKiB(d, largestBrick)
	brick := uint64(sort.Search(int(rest), func(i int) bool { return l.neededKiB(d, uint64(i)+1) >= rest }))
	if brick < smallestBrick {
		brick = 0
	}
	return whole*largestBrick + brick
}

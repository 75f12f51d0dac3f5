package heketi

import (
	"cmp"
	"slices"
	"sort"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Heketi's default limits. They are settings of the server that it does not publish (heketi: apps/glusterfs/limits.go).
const (
	kibPerGiB       = 1 << 20
	smallestBrick   = 1 * kibPerGiB
	largestBrick    = 4 * 1024 * kibPerGiB
	largestMetadata = 16 * kibPerGiB

	// MostBricks is the maximum number of bricks in a volume.
	MostBricks = 32
)

// Layout holds the properties that determine where a volume's bricks fit.
type Layout struct {
	Durability volume.Durability
	SnapFactor float64
	Options    []volume.Option
	Bricks     int // bricks that the volume already has
}

// BricksInSet returns the number of bricks that Heketi adds at once.
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

// SetsLeft returns how many sets of bricks the volume may still get.
func (l Layout) SetsLeft() int { return max(0, MostBricks-l.Bricks) / l.BricksInSet() }

func (l Layout) hasArbiter() bool { return volume.HasArbiter(l.Options) }

// dataPlaces returns the number of full-size bricks in a set. An arbiter brick is smaller.
func (l Layout) dataPlaces() int {
	if l.hasArbiter() {
		return max(l.BricksInSet()-1, 1)
	}
	return l.BricksInSet()
}

// data returns the number of bricks among which the data of a set is split.
func (l Layout) data() uint64 {
	if l.Durability.Type == volume.Disperse {
		return uint64(max(l.Durability.Data, 1))
	}
	return 1
}

// brickKiB returns the size of a brick if a volume of sizeGiB is made of the given number of sets (heketi: BrickSizeGenerator).
func (l Layout) brickKiB(sizeGiB, sets int) uint64 {
	return uint64(sizeGiB) * kibPerGiB / uint64(sets) / l.data()
}

// Room is the free space of a cluster for volumes of one layout.
type Room struct {
	cluster string
	layout  Layout
	groups  []group  // all disks that may take data
	choices []choice // the ways in which Heketi may begin a set; empty if it cannot make one
}

// group holds the disks of a node, or of a zone if zones are strict: at most one of these disks takes a brick of a given set.
type group []disk

// choice holds the groups that remain for the data bricks of a set when Heketi has placed the arbiter brick on a disk that is set
// aside for such bricks. Without such disks, there is one choice, with places for the whole set.
type choice struct {
	places int // bricks that need separate groups
	groups []group
}

type disk struct {
	freeKiB, extentKiB uint64
}

// LargestGiB returns the size of the largest volume that is certain to fit, whatever the order in which Heketi tries the disks,
// or 0 if there is none. For a volume that already has bricks, it returns the largest number of GiB that a single expand is
// certain to add.
func (r Room) LargestGiB() int {
	largest := 0
	for sets := 1; sets <= r.layout.SetsLeft(); sets *= 2 {
		// For a fixed number of sets, a smaller volume fits if a larger one does.
		limit := sets * largestBrick / kibPerGiB * int(r.layout.data())
		fits := func(sizeGiB int) bool { return r.surelyFits(r.layout.brickKiB(sizeGiB, sets), sets) }
		size := sort.Search(limit, func(i int) bool { return !fits(i + 1) })
		if r.layout.brickKiB(size, sets) >= smallestBrick {
			largest = max(largest, size)
		}
	}
	return min(largest, volume.MaxGiB)
}

// surelyFits reports whether the given number of sets, with bricks of the given size, is certain to fit, whichever choice Heketi
// makes for each set.
func (r Room) surelyFits(brickKiB uint64, sets int) bool {
	unfit := func(c choice) bool { return !c.surelyFits(r.layout, brickKiB, sets) }
	return len(r.choices) > 0 && !slices.ContainsFunc(r.choices, unfit)
}

// surelyFits does the same for one choice. Heketi takes the disks in random order and does not look ahead. If there are more
// groups than places, it may therefore fill the wrong groups first.
func (c choice) surelyFits(layout Layout, brickKiB uint64, sets int) bool {
	if len(c.groups) < c.places {
		return false
	}
	counts := make([]int, len(c.groups)) // how many bricks each group can take, regardless of the sets they belong to
	for i, disks := range c.groups {
		for _, d := range disks {
			counts[i] += min(layout.bricksOn(d, brickKiB), sets)
		}
	}
	slices.SortFunc(counts, func(a, b int) int { return cmp.Compare(b, a) })
	// A set fails only if the sets before it have filled all but places-1 of the groups. A group that can take a brick of every set
	// is never full. The smallest groups cannot all be full if together they hold more bricks than the earlier sets need.
	if counts[c.places-1] >= sets {
		return true
	}
	smallest := 0
	for _, n := range counts[c.places-1:] {
		smallest += n
	}
	return smallest > (sets-1)*c.places
}

// bricksOn returns how many bricks of a size fit on a disk.
func (l Layout) bricksOn(d disk, brickKiB uint64) int {
	if d.freeKiB == 0 {
		return 0
	}
	return int((d.freeKiB - 1) / l.neededKiB(d, brickKiB)) // Heketi leaves at least 1 KiB free
}

// neededKiB returns how much of a disk a brick takes: its thin pool and the pool's metadata (heketi: DeviceEntry.SpaceNeeded).
func (l Layout) neededKiB(d disk, brickKiB uint64) uint64 {
	pool := roundUp(uint64(float64(brickKiB)*float64(float32(l.SnapFactor))), d.extentKiB)
	metadata := roundUp(min(uint64(float64(pool)*0.005), largestMetadata), d.extentKiB)
	return max(pool+metadata, 1)
}

func roundUp(n, unit uint64) uint64 { return (n + unit - 1) / unit * unit }

// TotalGiB returns an upper bound of the total size of the volumes that fit. It is therefore also an upper bound for a single
// volume. The bound holds for any limits of the server, and for any order in which Heketi tries the disks.
func (r Room) TotalGiB() int {
	if !slices.ContainsFunc(r.choices, func(c choice) bool { return len(c.groups) >= c.places }) {
		return 0
	}
	places := r.layout.dataPlaces()
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
	// x KiB of data need x KiB in each of as many groups as there are places, since a group holds at most one copy.
	copies := sort.Search(int(sum), func(i int) bool {
		x := uint64(i) + 1
		var held uint64
		for _, n := range usable {
			held += min(n, x)
		}
		return held < x*uint64(places)
	})
	return int(uint64(copies) * r.layout.data() / kibPerGiB)
}

// usableKiB returns the size of the largest brick that fits on a disk, without regard to Heketi's limit for bricks. Several
// smaller bricks would not hold more in total, because each needs its own metadata.
func (l Layout) usableKiB(d disk) uint64 {
	brick := uint64(sort.Search(int(d.freeKiB), func(i int) bool { return l.neededKiB(d, uint64(i)+1) >= d.freeKiB }))
	if brick < smallestBrick {
		return 0
	}
	return brick
}

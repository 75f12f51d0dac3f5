package volume

import (
	"fmt"
	"strconv"
	"strings"
)

// DurabilityType is the way in which a volume's data is spread over bricks.
type DurabilityType string

// The durability types of Heketi (pkg/glusterfs/api, DurabilityType).
const (
	Replicate DurabilityType = "replicate"
	Disperse  DurabilityType = "disperse"
	None      DurabilityType = "none"
)

// Durability is the value of the StorageClass parameter volumetype.
type Durability struct {
	Type       DurabilityType
	Replica    int // copies, for Replicate
	Data       int // data bricks of a set, for Disperse
	Redundancy int // bricks of a set that may be lost, for Disperse
}

// DefaultDurability returns the durability for an absent volumetype, as in the in-tree plugin.
func DefaultDurability() Durability { return Durability{Type: Replicate, Replica: 3} }

const allowedVolumeTypes = `must be "replicate" or "replicate:N" with N 2 or 3, ` +
	`"disperse:D:R" with D:R one of 2:1, 4:2, 8:3 and 8:4, or "none" for a single copy`

// ParseDurability parses volumetype. Heketi itself checks only part of this: it accepts a negative number of copies, and then
// asks gluster for one copy, a request that gluster refuses.
func ParseDurability(s string) (Durability, error) {
	kind, rest, hasCounts := strings.Cut(s, ":")
	switch DurabilityType(kind) {
	case Replicate:
		if !hasCounts {
			return DefaultDurability(), nil
		}
		if n := parseCount(rest); n >= 2 && n <= 3 {
			return Durability{Type: Replicate, Replica: n}, nil
		}
	case Disperse:
		data, redundancy, _ := strings.Cut(rest, ":")
		if d, r := parseCount(data), parseCount(redundancy); dispersable(d, r) {
			return Durability{Type: Disperse, Data: d, Redundancy: r}, nil
		}
	case None:
		if !hasCounts {
			return Durability{Type: None}, nil
		}
	}
	return Durability{}, Invalid("volumetype", s, allowedVolumeTypes)
}

// parseCount returns 0 for a text that is not a small number.
func parseCount(s string) int {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0
	}
	return int(n)
}

// dispersable reports whether Heketi's table has the pair (apps/glusterfs/volume_durability_ec.go).
func dispersable(data, redundancy int) bool {
	switch [2]int{data, redundancy} {
	case [2]int{2, 1}, [2]int{4, 2}, [2]int{8, 3}, [2]int{8, 4}:
		return true
	}
	return false
}

// MinGiB returns the size of the smallest volume of this durability: no brick is smaller than 1 GiB.
func (d Durability) MinGiB() int {
	if d.Type == Disperse {
		return d.Data
	}
	return 1
}

// String returns the form that ParseDurability parses.
func (d Durability) String() string {
	switch d.Type {
	case Replicate:
		return fmt.Sprintf("%s:%d", Replicate, d.Replica)
	case Disperse:
		return fmt.Sprintf("%s:%d:%d", Disperse, d.Data, d.Redundancy)
	case None:
	}
	return string(d.Type)
}

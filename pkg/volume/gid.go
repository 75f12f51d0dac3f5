package volume

import (
	"fmt"
	"strconv"
)

const (
	// lowestGID and highestGID are the limits of gidMin and gidMax, as in the in-tree plugin.
	lowestGID  = 2000
	highestGID = 1<<31 - 1
	// highestUsableGID is below highestGID, because Heketi refuses highestGID itself (heketi: apps/glusterfs/app_volume.go).
	highestUsableGID = highestGID - 1
)

// GIDRange is the range from which a class's group ids are taken, both ends included.
type GIDRange struct {
	Min, Max int64
}

// DefaultGIDRange returns the range for absent gidMin and gidMax, as in the in-tree plugin.
func DefaultGIDRange() GIDRange { return GIDRange{Min: lowestGID, Max: highestGID} }

// Contains reports whether gid may be handed out from the range.
func (r GIDRange) Contains(gid int64) bool {
	return gid >= r.Min && gid <= r.Max && gid <= highestUsableGID
}

// Lowest returns the lowest group id of the range that is not taken. ErrExhausted is returned when all are taken.
func (r GIDRange) Lowest(taken func(gid int64) bool) (int64, error) {
	for gid := r.Min; r.Contains(gid); gid++ {
		if !taken(gid) {
			return gid, nil
		}
	}
	return 0, fmt.Errorf("%w: every group id from gidMin %d to gidMax %d belongs to a volume; widen the range in the StorageClass",
		ErrExhausted, r.Min, r.Max)
}

func parseGID(field, value string) (int64, error) {
	gid, err := strconv.ParseInt(value, 10, 64)
	if err != nil || gid < lowestGID || gid > highestGID {
		return 0, Invalid(field, value, fmt.Sprintf("must be a number from %d to %d", lowestGID, highestGID))
	}
	return gid, nil
}

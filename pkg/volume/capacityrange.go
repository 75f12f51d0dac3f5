package volume

import (
	"fmt"
	"strconv"
)

// GiB is the unit in which Heketi allocates.
const GiB = int64(1) << 30

// MaxGiB is the largest size that is accepted: 1 PiB. Heketi's own limit is 32 bricks of at most 4 TiB each by default, but both
// figures are settings of the server.
const MaxGiB = 1 << 20

// Capacity is a requested size in bytes. Zero means that the bound is not given.
type Capacity struct {
	RequiredBytes int64
	LimitBytes    int64
}

// Validate checks the bounds against each other (CSI spec, CapacityRange).
func (c Capacity) Validate() error {
	switch {
	case c.RequiredBytes < 0:
		return Invalid("capacity_range.required_bytes", strconv.FormatInt(c.RequiredBytes, 10), "must not be negative")
	case c.LimitBytes < 0:
		return Invalid("capacity_range.limit_bytes", strconv.FormatInt(c.LimitBytes, 10), "must not be negative")
	case c.LimitBytes > 0 && c.LimitBytes < c.RequiredBytes:
		return Invalid("capacity_range.limit_bytes", strconv.FormatInt(c.LimitBytes, 10),
			fmt.Sprintf("must not be below required_bytes (%d)", c.RequiredBytes))
	}
	return nil
}

// SizeGiB returns the size to request from Heketi: the required bytes rounded up to whole GiB, and at least minimum GiB. It fails
// with ErrOutOfRange if that exceeds the limit or MaxGiB.
func (c Capacity) SizeGiB(minimum int) (int, error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	size := c.RequiredBytes / GiB
	if c.RequiredBytes%GiB != 0 {
		size++
	}
	size = max(size, int64(minimum))
	if size > MaxGiB {
		return 0, fmt.Errorf("%w: capacity_range.required_bytes %d is above the largest size, %d GiB",
			ErrOutOfRange, c.RequiredBytes, MaxGiB)
	}
	if c.LimitBytes > 0 && size*GiB > c.LimitBytes {
		return 0, fmt.Errorf("%w: volumes are made of whole GiB and %d GiB is the smallest that fits the request, "+
			"but capacity_range.limit_bytes is %d", ErrOutOfRange, size, c.LimitBytes)
	}
	return int(size), nil
}

// Allows reports whether an existing volume of size bytes satisfies the request.
func (c Capacity) Allows(size int64) bool {
	return size >= c.RequiredBytes && (c.LimitBytes == 0 || size <= c.LimitBytes)
}

package volume

import (
	"errors"
	"math"
	"testing"
)

func TestSizeGiB(t *testing.T) {
	tests := []struct {
		name    string
		c       Capacity
		minimum int
		want    int
		err     error
	}{
		{name: "nothing asked", minimum: 1, want: 1},
		{name: "one byte", c: Capacity{RequiredBytes: 1}, minimum: 1, want: 1},
		{name: "exact", c: Capacity{RequiredBytes: 2 * GiB}, minimum: 1, want: 2},
		{name: "one byte more", c: Capacity{RequiredBytes: 2*GiB + 1}, minimum: 1, want: 3},
		{name: "decimal gigabytes", c: Capacity{RequiredBytes: 5e9}, minimum: 1, want: 5},
		{name: "minimum of the durability", c: Capacity{RequiredBytes: 1}, minimum: 4, want: 4},
		{name: "limit met", c: Capacity{RequiredBytes: 1, LimitBytes: GiB}, minimum: 1, want: 1},
		{name: "limit alone", c: Capacity{LimitBytes: 10 * GiB}, minimum: 1, want: 1},
		{name: "largest", c: Capacity{RequiredBytes: MaxGiB * GiB}, minimum: 1, want: MaxGiB},
		{name: "rounding passes the limit", c: Capacity{RequiredBytes: 1, LimitBytes: GiB - 1}, minimum: 1, err: ErrOutOfRange},
		{name: "minimum passes the limit", c: Capacity{LimitBytes: GiB}, minimum: 4, err: ErrOutOfRange},
		{name: "above the largest", c: Capacity{RequiredBytes: MaxGiB*GiB + 1}, minimum: 1, err: ErrOutOfRange},
		{name: "near overflow", c: Capacity{RequiredBytes: math.MaxInt64, LimitBytes: math.MaxInt64}, minimum: 1, err: ErrOutOfRange},
		{name: "negative", c: Capacity{RequiredBytes: -1}, minimum: 1, err: ErrInvalid},
		{name: "negative limit", c: Capacity{LimitBytes: -1}, minimum: 1, err: ErrInvalid},
		{name: "limit below required", c: Capacity{RequiredBytes: 2, LimitBytes: 1}, minimum: 1, err: ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.c.SizeGiB(tt.minimum)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error = %v, want %v", err, tt.err)
			}
			if got != tt.want {
				t.Errorf("size = %d GiB, want %d", got, tt.want)
			}
		})
	}
}

func TestAllows(t *testing.T) {
	tests := []struct {
		c    Capacity
		size int64
		want bool
	}{
		{Capacity{}, GiB, true},
		{Capacity{RequiredBytes: GiB}, GiB, true},
		{Capacity{RequiredBytes: GiB + 1}, GiB, false},
		{Capacity{LimitBytes: GiB}, GiB, true},
		{Capacity{LimitBytes: GiB}, 2 * GiB, false},
	}
	for _, tt := range tests {
		if got := tt.c.Allows(tt.size); got != tt.want {
			t.Errorf("%+v.Allows(%d) = %v", tt.c, tt.size, got)
		}
	}
}

func FuzzSizeGiB(f *testing.F) {
	f.Add(int64(0), int64(0), 1)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 8)
	f.Add(5*GiB+1, 5*GiB+2, 2)
	f.Fuzz(func(t *testing.T, required, limit int64, minimum int) {
		minimum = max(1, min(minimum, 8)) // what a durability may have
		c := Capacity{RequiredBytes: required, LimitBytes: limit}
		size, err := c.SizeGiB(minimum)
		if err != nil {
			return
		}
		if size < minimum || size > MaxGiB {
			t.Errorf("%+v: %d GiB is outside %d..%d", c, size, minimum, MaxGiB)
		}
		if !c.Allows(int64(size) * GiB) {
			t.Errorf("%+v: %d GiB does not satisfy the request", c, size)
		}
		if size > minimum && int64(size-1)*GiB >= required {
			t.Errorf("%+v: %d GiB is more than needed", c, size)
		}
	})
}

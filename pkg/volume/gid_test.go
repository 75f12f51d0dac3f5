package volume

import (
	"errors"
	"slices"
	"testing"
)

func TestLowestGID(t *testing.T) {
	taken := func(gids ...int64) func(int64) bool {
		return func(gid int64) bool { return slices.Contains(gids, gid) }
	}
	tests := []struct {
		name  string
		r     GIDRange
		taken func(int64) bool
		want  int64
		err   error
	}{
		{name: "none taken", r: DefaultGIDRange(), taken: taken(), want: 2000},
		{name: "a gap", r: DefaultGIDRange(), taken: taken(2000, 2001, 2003), want: 2002},
		{name: "only outside", r: GIDRange{3000, 3001}, taken: taken(2000, 3002), want: 3000},
		{name: "all", r: GIDRange{3000, 3001}, taken: taken(3000, 3001), err: ErrExhausted},
		{name: "the highest is never handed out", r: GIDRange{1<<31 - 2, 1<<31 - 1}, taken: taken(1<<31 - 2), err: ErrExhausted},
		{name: "only the highest", r: GIDRange{1<<31 - 1, 1<<31 - 1}, taken: taken(), err: ErrExhausted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.r.Lowest(tt.taken)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Lowest = %d, %v; want %d, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

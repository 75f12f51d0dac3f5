package report

import "testing"

func TestOutagesOf(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(100 - i)
	}
	for want, milliseconds := range map[string][]int64{
		"0":                   nil,
		"1: 7, 7, 7 ms":       {7},
		"2: 1, 9, 9 ms":       {9, 1},
		"3: 2, 9, 9 ms":       {9, 1, 2},
		"100: 50, 95, 100 ms": hundred,
	} {
		if got := OutagesOf(milliseconds).String(); got != want {
			t.Errorf("outages are %q, want %q", got, want)
		}
	}
}

package report

import (
	"fmt"
	"slices"
)

// Outages describes the distribution of the lengths of outages.
type Outages struct {
	Count  int   `json:"count"`
	Median int64 `json:"medianMilliseconds"`
	P95    int64 `json:"p95Milliseconds"`
	Max    int64 `json:"maxMilliseconds"`
}

// OutagesOf summarizes outages, in milliseconds.
func OutagesOf(milliseconds []int64) Outages {
	if len(milliseconds) == 0 {
		return Outages{}
	}
	sorted := slices.Sorted(slices.Values(milliseconds))
	at := func(percent int) int64 { return sorted[(len(sorted)*percent+99)/100-1] }
	return Outages{Count: len(sorted), Median: at(50), P95: at(95), Max: at(100)}
}

// String returns "12: 40, 90, 130 ms": the number, the median, the 95th percentile and the longest.
func (o Outages) String() string {
	if o.Count == 0 {
		return "0"
	}
	return fmt.Sprintf("%d: %d, %d, %d ms", o.Count, o.Median, o.P95, o.Max)
}

package faults

import (
	"testing"
	"time"
)

// TestLateness: only time counts that was watched without a break.
func TestLateness(t *testing.T) {
	const ms = time.Millisecond
	type sample struct {
		after time.Duration
		late  bool
	}
	tests := map[string]struct {
		samples []sample
		want    time.Duration
	}{
		"one sample":                {[]sample{{20 * ms, true}}, 0},
		"one sample after a pause":  {[]sample{{20 * ms, false}, {2100 * ms, true}}, 0},
		"three in succession":       {[]sample{{20 * ms, true}, {20 * ms, true}, {30 * ms, true}}, 50 * ms},
		"a pause between two":       {[]sample{{20 * ms, true}, {2100 * ms, true}, {20 * ms, true}}, 120 * ms},
		"a break":                   {[]sample{{20 * ms, true}, {20 * ms, true}, {20 * ms, false}, {20 * ms, true}, {30 * ms, true}}, 30 * ms},
		"not late at the last time": {[]sample{{20 * ms, true}, {20 * ms, true}, {20 * ms, false}}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var l lateness
			var got time.Duration
			now := time.Now()
			for _, s := range test.samples {
				now = now.Add(s.after)
				got = l.sample(now, s.late)
			}
			if got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

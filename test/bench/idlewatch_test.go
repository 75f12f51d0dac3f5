package main

import "testing"

func TestEndedSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		stat string
		want float64
		ok   bool
	}{
		"children that have ended": {"7 (glusterfs-csi) S 1 7 7 0 -1 4194560 1 2 3 4 11 12 150 25 20 0 9 0 1 2 3", 1.75, true},
		"a name like fields":       {"7 (a) 1 (b) S 1 7 7 0 -1 4194560 1 2 3 4 11 12 3 0 20 0 9 0 1 2 3", 0.03, true},
		"too short":                {"7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 11 12 3", 0, false},
		"no numbers":               {"7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 11 12 x y", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := endedSeconds(c.stat)
			if got != c.want || (err == nil) != c.ok {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

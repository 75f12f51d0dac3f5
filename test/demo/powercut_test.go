package main

import "testing"

func TestHealState(t *testing.T) {
	for name, c := range map[string]struct {
		text               string
		connected, entries int
	}{
		"one brick away": {`Brick 10.77.0.11:/b1
Status: Transport endpoint is not connected
Number of entries: -

Brick 10.77.0.12:/b2
/
/news.html
Status: Connected
Number of entries: 2

Brick 10.77.0.13:/b3
/
/news.html
Status: Connected
Number of entries: 2
`, 2, 2},
		"all well": {`Brick 10.77.0.11:/b1
Status: Connected
Number of entries: 0

Brick 10.77.0.12:/b2
Status: Connected
Number of entries: 0
`, 2, 0},
		"no answer": {"Volume x does not exist\n", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			connected, entries := healState(c.text)
			if connected != c.connected || entries != c.entries {
				t.Errorf("got %d connected, %d entries; want %d and %d", connected, entries, c.connected, c.entries)
			}
		})
	}
}

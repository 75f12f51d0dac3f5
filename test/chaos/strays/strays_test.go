package strays

import (
	"strings"
	"testing"
)

func TestSince(t *testing.T) {
	before := Snapshot{"process a", "process a", "mount b"}
	for name, c := range map[string]struct {
		after Snapshot
		want  string
	}{
		"the same":       {Snapshot{"mount b", "process a", "process a"}, ""},
		"one has gone":   {Snapshot{"process a"}, ""},
		"one has come":   {Snapshot{"mount b", "process c"}, "process c"},
		"one more of it": {Snapshot{"process a", "process a", "process a"}, "process a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.after.since(before), ","); got != c.want {
				t.Errorf("strays are %q, want %q", got, c.want)
			}
		})
	}
}

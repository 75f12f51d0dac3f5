package memory

import "testing"

func TestGroupIn(t *testing.T) {
	for name, c := range map[string]struct{ groups, dir, limit string }{
		"version 1": {"9:cpu,cpuacct:/other\n8:memory:/pods/a\n0::/unified\n", "memory/pods/a", "memory.limit_in_bytes"},
		"version 2": {"0::/pods/a\n", "/pods/a", "memory.max"},
		"none":      {"", "", ""},
	} {
		if g := groupIn(c.groups); g.dir != c.dir || g.limit != c.limit {
			t.Errorf("%s: %+v, want %q, %q", name, g, c.dir, c.limit)
		}
	}
}

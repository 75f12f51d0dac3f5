package main

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		only string
		want string // first names of the chosen families, in their own order
	}{
		"nothing means all":        {"", "create create-parallel mount rss-idle binary-size fuse-io mount-first-server-refuses"},
		"one":                      {"fuse-io", "fuse-io"},
		"a row of a family":        {"unmount", "mount"},
		"two rows of one family":   {"delete, create", "create"},
		"the order is the bench's": {"fuse-io,create", "create fuse-io"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(c.only)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]string, 0, len(chosen))
			for _, f := range chosen {
				got = append(got, f.names[0])
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestChooseRefusesAnUnknownName(t *testing.T) {
	if _, err := choose("create,remove"); err == nil || !strings.Contains(err.Error(), `"remove"`) || !strings.Contains(err.Error(), "delete") {
		t.Errorf("the error does not say what is wrong and what there is: %v", err)
	}
}

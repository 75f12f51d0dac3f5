package main

import (
	"strconv"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		only string
		want string // the first names of the chosen families, in the families' order
	}{
		"nothing means all": {"", "create-at-10 create-at-1000 create-at-5000 create-100-callers-at-1000 binary-size " +
			"create create-parallel mount rss-idle fuse-io plugin-restart stage-100 publish-many heal nested-mount-gap rpc-with-dead-mounts idle-watch client-memory " +
			"small-files large-files mount-first-server-refuses"},
		"one":                      {"fuse-io", "fuse-io"},
		"a row of a family":        {"unmount", "mount"},
		"two rows of one family":   {"delete, create", "create"},
		"the order is the bench's": {"fuse-io,create", "create fuse-io"},
		"a pattern":                {"*-at-*", "create-at-10 create-at-1000 create-at-5000 create-100-callers-at-1000"},
		"a pattern and a name":     {"list-at-?0,fuse-io", "create-at-10 fuse-io"},
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
	for _, unknown := range []string{"remove", "list-at-7*", "[create"} {
		_, err := choose("create," + unknown)
		if err == nil || !strings.Contains(err.Error(), strconv.Quote(unknown)) || !strings.Contains(err.Error(), "delete") {
			t.Errorf("the error does not say what is wrong and what there is: %v", err)
		}
	}
}

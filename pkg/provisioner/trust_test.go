package provisioner

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestTrust: a Heketi must have one of the clusters that it had before.
func TestTrust(t *testing.T) {
	for name, tc := range map[string]struct {
		before, now []string
		says        string // "" is trusted
	}{
		"the first time":    {nil, []string{"a"}, ""},
		"no cluster":        {nil, nil, "it has no cluster"},
		"no cluster now":    {[]string{"a"}, nil, "it has no cluster"},
		"the same":          {[]string{"a", "b"}, []string{"b", "a"}, ""},
		"one has gone":      {[]string{"a", "b"}, []string{"b"}, ""},
		"all are others":    {[]string{"a"}, []string{"d", "c", "e", "b"}, "only b, c, d, e, so its database"},
		"one more is there": {[]string{"a"}, []string{"b", "a"}, ""},
	} {
		x := newIndex("main", time.Minute)
		if len(tc.before) > 0 {
			if err := x.trust(tc.before); err != nil {
				t.Fatal(err)
			}
		}
		switch err := x.trust(tc.now); {
		case tc.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.says != "" && (!errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

package mount

import (
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func TestOtherPeers(t *testing.T) {
	const (
		parent  = "30 1 0:30 / /k rw shared:1 - tmpfs k rw\n"
		staging = "40 30 0:42 / /k/staging rw shared:7 master:3 - fuse.glusterfs s rw\n"
	)
	for name, tt := range map[string]struct {
		table string
		want  bool
	}{
		"alone":                    {parent + staging, false},
		"another volume's":         {parent + staging + "41 30 0:43 / /k/target rw shared:77 - fuse.glusterfs s rw\n", false},
		"a target":                 {parent + staging + "41 30 0:42 / /k/target ro shared:7 - fuse.glusterfs s rw\n", true},
		"first in the table":       {staging + "41 30 0:42 / /k/target ro shared:7 - fuse.glusterfs s rw\n", true},
		"a slave":                  {parent + staging + "41 30 0:42 / /data rw master:7 - fuse.glusterfs s rw\n", false},
		"the same path again":      {parent + staging + "41 30 0:42 / /k/staging rw shared:7 - fuse.glusterfs s rw\n", false},
		"two that share with none": {parent + strings.ReplaceAll(staging, "shared:7 master:3 ", "") + "41 30 0:42 / /k/target rw - fuse.glusterfs s rw\n", false},
		"unmounted meanwhile":      {parent, false},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := mountinfo.GetMountsFromReader(strings.NewReader(tt.table), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := otherPeers(all, 40); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

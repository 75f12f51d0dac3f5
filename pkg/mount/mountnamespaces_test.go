package mount_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestViews: processes with the same view are listed together, in the order of their numbers.
func TestViews(t *testing.T) {
	restore := showProcesses(t, map[string]shown{
		"10": {"mnt:[2]", "/", ""}, "9": {"mnt:[2]", "/", ""}, "100": {"mnt:[1]", "/", ""}, "11": {"mnt:[2]", "/chroot", ""}, "1": {"mnt:[1]", "/", ""},
	})
	views, err := mount.Views()
	restore()
	if got := fmt.Sprint(views); got != "[{1 / [1 100]} {2 / [9 10]} {2 /chroot [11]}]" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	restore = showProcesses(t, map[string]shown{"1": {"pid:[1]", "/", ""}})
	views, err = mount.Views()
	restore()
	if len(views) > 0 || err == nil || !strings.Contains(err.Error(), `"pid:[1]" of /proc/1`) {
		t.Errorf("a link that is not a mount namespace: %v, %v", views, err)
	}
}

package gluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestUnmountAll: mounts are unmounted latest first; other mounts stay.
func TestUnmountAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisks(t, "a", "b", "c")
		snapshot := d.dir + "/run/snaps/1/brick1"
		d.mounts = []string{"/", "/proc", d.point("a"), "/data", d.point("c"), snapshot, d.dir + "/run/snapsother"}
		d.unmountAll(t.Context(), d.dir+"/run/snaps")
		if diff := cmp.Diff([]string{"umount " + snapshot, "umount " + d.point("c"), "umount " + d.point("a")}, d.runner.taken()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"/", "/proc", "/data", d.dir + "/run/snapsother"}, d.mounts); diff != "" {
			t.Error(diff)
		}
	})
}

// TestBusy: a busy file system is retried, holds up no other, and is unmounted lazily only at the end.
func TestBusy(t *testing.T) {
	for _, tc := range []struct {
		name  string
		freed time.Duration
		lazy  bool
	}{{"for a moment", 3 * time.Second, false}, {"for ever", time.Hour, true}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, log := logged(t)
				d := newDisks(t, "a", "b")
				d.mounts = []string{d.point("a"), d.point("b")}
				d.fail("b", errors.New("umount: target is busy"))
				begun := time.Now()
				go func() { time.Sleep(tc.freed); d.fail("b", nil) }()
				d.unmountAll(ctx, "/run/gluster/snaps")
				if took := time.Since(begun); took > defaultLimits().unmount+time.Second {
					t.Errorf("took %s", took)
				}
				d.have(t)
				commands := d.runner.taken()
				if commands[1] != "umount "+d.point("a") {
					t.Errorf("%q", commands)
				}
				if lazy := slices.Contains(commands, "umount --lazy "+d.point("b")); lazy != tc.lazy || strings.Contains(log(), "lazily: ") {
					t.Errorf("lazy is %v; %s", lazy, log())
				}
				time.Sleep(tc.freed)
			})
		})
	}
}

func TestUnmountWithoutTables(t *testing.T) {
	d := newDisks(t, "a")
	for _, change := range []func(){
		func() { d.mounted = func() ([]string, error) { return nil, errors.New("no /proc") } },
		func() { d.fstab = d.dir },
	} {
		change()
		ctx, log := logged(t)
		d.unmountAll(ctx, "/run/gluster/snaps")
		if commands := d.runner.taken(); len(commands) > 0 || !strings.Contains(log(), "nothing was unmounted") {
			t.Errorf("%q, %s", commands, log())
		}
	}
}

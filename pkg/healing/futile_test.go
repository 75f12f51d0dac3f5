package healing

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestFailuresAreLoggedOnce: a failure is logged once until all mounts are in order again, and the number of remembered failures
// is limited.
func TestFailuresAreLoggedOnce(t *testing.T) {
	h := newHealer(t)
	if !h.isNewFailure("id", "a") || h.isNewFailure("id", "a") || !h.isNewFailure("other", "a") {
		t.Error("a failure must be logged once per volume")
	}
	h.volume("id").ended = make(chan struct{})
	h.repairEnded(t.Context(), "id", false, false)
	if h.isNewFailure("id", "a") {
		t.Error("it is logged again, although nothing has changed")
	}
	for i := range mostFailures {
		h.isNewFailure("id", strconv.Itoa(i))
	}
	if len(h.volume("id").failed) != mostFailures {
		t.Errorf("%d failures are kept", len(h.volume("id").failed))
	}
	h.volume("id").timer.Stop()
	h.volume("id").ended = make(chan struct{})
	h.repairEnded(t.Context(), "id", true, false)
	if !h.isNewFailure("id", "a") {
		t.Error("it is not logged again after all mounts were in order")
	}
}

// TestProcessEndsDuringARepair: nothing is pending in the namespace of a process that has ended since it was entered.
func TestProcessEndsDuringARepair(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	table := tableOf(t, mounttest.Container(t, "private"), device)
	m := table.Mounts[0]
	m.Root = "/deep/directory"
	table.Mounts[0] = m
	r := h.testRepairer(t, staging)
	n, err := enter(table)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	if err := errors.Join(unix.Kill(table.PID, unix.SIGKILL), unix.Waitid(unix.P_PID, table.PID, nil, unix.WEXITED|unix.WNOWAIT, nil)); err != nil {
		t.Fatal(err)
	}
	r.renew(n)
	r.replaceAll(n, []exchange{{mount: m}})
	r.putBackIn(n, table, m, r.staging, nil)
	if r.outcome.Pending != 0 || len(r.outcome.Lost) != 0 || r.outcome.Mounts != 0 {
		t.Errorf("%+v", r.outcome)
	}
}

func TestWaitForChange(t *testing.T) {
	for _, tc := range []struct {
		name         string
		pause        time.Duration // 0: none
		over, change time.Duration
		wantOver     bool
		wantAt       time.Duration
	}{
		{"a change", 0, time.Minute, time.Second, false, time.Second},
		{"the end", 0, time.Second, time.Minute, true, time.Second},
		{"a change in the pause", 2 * time.Second, time.Minute, time.Second, false, 2 * time.Second},
		{"the end in the pause", 2 * time.Second, time.Second, time.Minute, true, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, changed := time.Now(), make(chan struct{}, 1)
				time.AfterFunc(tc.change, func() { changed <- struct{}{} })
				var pause <-chan time.Time
				if tc.pause > 0 {
					pause = time.After(tc.pause)
				}
				over := waitForChange(t.Context(), pause, time.After(tc.over), changed)
				if took := time.Since(began); over != tc.wantOver || took != tc.wantAt {
					t.Errorf("over %t after %v, want %t after %v", over, took, tc.wantOver, tc.wantAt)
				}
			})
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("done"))
	if waitForChange(ctx, make(chan time.Time), make(chan time.Time), nil) || waitForChange(ctx, nil, make(chan time.Time), nil) {
		t.Error("a cancelled context must not count as the end of the time")
	}
}

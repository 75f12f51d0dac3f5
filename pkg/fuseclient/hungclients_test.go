package fuseclient

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestKnownStateIsNotAsked: a client that is known to have ended or to hang is not asked again.
func TestKnownStateIsNotAsked(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(n *node, r record)
		kind    error
		says    string
		want    mount.Health
	}{
		"dead": {func(n *node, r record) { n.kill(r) }, mount.ErrUnavailable, "the client of volume id-vol has ended", mount.Health{Ended: true}},
		"found by the watcher": {func(n *node, r record) {
			n.stop(r)
			if hangs, err := n.Hangs(n.t.Context(), served(r), n.limits.ask); !hangs || err != nil {
				n.t.Errorf("%t, %v", hangs, err)
			}
		}, mount.ErrTimeout, "volume id-vol does not answer: its client hangs", mount.Health{Hung: true}},
		"found by Health": {func(n *node, r record) {
			n.stop(r)
			if health, err := n.Health(n.t.Context(), "id-vol", ""); err != nil || !health.Hung {
				n.t.Errorf("%+v, %v", health, err)
			}
		}, mount.ErrTimeout, "does not answer", mount.Health{Hung: true}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.limits.hung = time.Hour
			r := n.stage()
			n.mustPublish("target")
			c.prepare(n, r)
			n.asker.Close()
			for _, path := range []string{"staging", "target"} {
				if _, err := n.Stats(t.Context(), "id-vol", n.path(path)); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("statistics at %s: %v", path, err)
				}
				if health, err := n.Health(t.Context(), "id-vol", n.path(path)); err != nil || health.Ended != c.want.Ended || health.Hung != c.want.Hung {
					t.Errorf("health at %s: %+v, %v", path, health, err)
				}
			}
			if _, err := n.Stats(t.Context(), "id-vol", n.path("missing")); !errors.Is(err, mount.ErrNotMounted) {
				t.Errorf("statistics where nothing is mounted: %v", err)
			}
		})
	}
}

// TestClientThatGoesOn: a hung client is asked again once it has answered.
func TestClientThatGoesOn(t *testing.T) {
	n := newNode(t)
	n.limits.hung = time.Hour
	r := n.stage()
	n.stop(r)
	if hangs, err := n.Hangs(t.Context(), served(r), n.limits.ask); !hangs || err != nil || !n.MayHang(served(r), 0) {
		t.Fatalf("%t, %v", hangs, err)
	}
	n.signal(r, unix.SIGCONT)
	waitFor(t, "the answer", func() bool {
		hangs, err := n.Hangs(t.Context(), served(r), n.limits.ask)
		return !hangs && err == nil
	})
	if n.MayHang(served(r), 0) {
		t.Error("a client that has answered may still hang")
	}
	if _, err := n.Stats(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
}

// TestSlowAnswer: a client that answers after the limit of Health, but within the limit of Hangs, does not hang.
func TestSlowAnswer(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.limits.ask = 10 * time.Millisecond
	n.stop(r)
	hangs := make(chan error)
	go func() {
		switch found, err := n.Hangs(t.Context(), served(r), time.Hour); {
		case found:
			hangs <- errors.New("the client hangs")
		default:
			hangs <- err
		}
	}()
	if health, err := n.Health(t.Context(), "id-vol", ""); err != nil || !health.Hung {
		t.Fatalf("%+v, %v", health, err)
	}
	n.signal(r, unix.SIGCONT)
	if err := <-hangs; err != nil {
		t.Error(err)
	}
}

// TestHungClients: a result is kept for a limited time, and a caller that gave up has no result.
func TestHungClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hungClients
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		h.note(ended, "a", mount.ErrTimeout)
		h.note(t.Context(), "b", mount.ErrTimeout)
		h.note(t.Context(), "c", unix.EIO)
		time.Sleep(time.Minute - time.Second)
		if h.has("a", time.Minute) || !h.has("b", time.Minute) || h.has("c", time.Minute) {
			t.Errorf("%v", h.since)
		}
		h.note(ended, "b", mount.ErrTimeout)
		time.Sleep(time.Second)
		if h.has("b", time.Minute) {
			t.Errorf("%v", h.since)
		}
		time.Sleep(hungMemory)
		h.note(t.Context(), "d", mount.ErrTimeout)
		if len(h.since) != 1 {
			t.Errorf("clients that have probably ended are remembered: %v", h.since)
		}
	})
}

// TestMayHang: package healing may check clients less often than the kubelet asks for statistics, which try a client again earlier.
func TestMayHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := &Manager{limits: limits{hung: time.Minute}}, Served{Client: "a"}
		m.hung.note(t.Context(), "a", mount.ErrTimeout)
		time.Sleep(59 * time.Second)
		if !m.isHung("a") || !m.MayHang(s, time.Second) {
			t.Error("a client is not remembered for limits.hung")
		}
		time.Sleep(2 * time.Second)
		for _, c := range []struct {
			after            time.Duration
			known, may, long bool
		}{{0, false, false, true}, {2 * time.Minute, false, false, true}, {2 * time.Minute, false, false, false}} {
			time.Sleep(c.after)
			known, may, long := m.isHung("a"), m.MayHang(s, time.Second), m.MayHang(s, 4*time.Minute)
			if known != c.known || may != c.may || long != c.long {
				t.Errorf("%s later: known %t, may hang %t, %t for a longer time", c.after, known, may, long)
			}
		}
	})
}

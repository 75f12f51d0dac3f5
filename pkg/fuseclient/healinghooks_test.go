package fuseclient

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestOwns(t *testing.T) {
	whole, part := Served{Volume: "vol"}, Served{Volume: "vol", Subdir: "a/b"}
	for _, c := range []struct {
		volume       Served
		kind, source string
		want         bool
	}{
		{whole, mount.FSType, "gluster1:/vol", true},
		{whole, mount.FSType, "fd00::1:/vol", true},
		{whole, mount.FSType, "gluster1:/volume", false},
		{whole, mount.FSType, "gluster1:/vol/a/b", false},
		{whole, "tmpfs", "gluster1:/vol", false},
		{whole, mount.FSType, "vol", false},
		{part, mount.FSType, "gluster1:/vol", true},
		{part, mount.FSType, "gluster1:/vol/a/b", true}, // mounted by an earlier version
		{part, mount.FSType, "gluster1:/vol/a", false},
	} {
		if got := c.volume.Owns(c.kind, c.source); got != c.want {
			t.Errorf("%+v, %s %s: %v", c.volume, c.kind, c.source, got)
		}
	}
}

func TestServes(t *testing.T) {
	n := newNode(t)
	if _, staged := n.Serves("id-vol"); staged || len(n.Served()) != 0 {
		t.Error("a volume that is not staged")
	}
	r := n.stage()
	got, staged := n.Serves("id-vol")
	if !staged || got.Device != r.Device || got.Client != r.name() || got.StagingPath != n.path("staging") || !got.Alive {
		t.Errorf("%+v", got)
	}
	if all := n.Served(); len(all) != 1 || all[0] != got {
		t.Errorf("%+v", all)
	}
	n.kill(r)
	if got, _ = n.Serves("id-vol"); got.Alive {
		t.Error("a client that has ended is alive")
	}
	r.Process, r.Device = process{}, mount.Device{} // as saved before the next client is started
	n.remember(r)
	if got, staged = n.Serves("id-vol"); !staged || got.Client != "" || got.Alive || got.StagingPath != n.path("staging") || len(n.Served()) != 1 {
		t.Errorf("while a client is being started: %t, %+v", staged, got)
	}
}

// TestRepair: Repair starts the next client, and other calls for the volume wait meanwhile.
func TestRepair(t *testing.T) {
	n := newNode(t)
	called := errors.New("called")
	never := func(Served) error { return called }
	if err := n.Repair(t.Context(), "id-vol", never); !errors.Is(err, mount.ErrNotStaged) {
		t.Error(err)
	}
	r := n.stage()
	n.kill(r)
	failure := errors.New("reason")
	err := n.Repair(t.Context(), "id-vol", func(s Served) error {
		if !s.Alive || s.Client == r.name() || answers(s.StagingPath) != nil {
			t.Errorf("%+v", s)
		}
		if err := n.Repair(t.Context(), "id-vol", never); !errors.Is(err, mount.ErrBusy) {
			t.Error(err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Error(err)
	}
}

// TestDeathThatAnotherCallSees: a death that another call notices is reported as well, although the record is that of the next
// client when the watcher reads it.
func TestDeathThatAnotherCallSees(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	waitFor(t, "the watcher", func() bool { return n.deaths.Load() == 1 })
	reported := make(chan string, 2) // the watcher may report it later as well
	n.OnDeath(func(volumeID string) { reported <- volumeID })
	n.stage()
	select {
	case id := <-reported:
		if id != "id-vol" {
			t.Error(id)
		}
	default:
		t.Error("not reported")
	}
}

// TestReplacedClientIsReported: a call that replaces a client reports the former client while its record is still on disk, even
// if no new client can be started.
func TestReplacedClientIsReported(t *testing.T) {
	n := newNode(t)
	var reported []Served
	n.OnReplace(func(_ context.Context, former Served) {
		onDisk, err := readRecord(n.recordPath("id-vol"))
		if err != nil || onDisk.name() != former.Client {
			t.Errorf("the record on disk is %+v, %v", onDisk, err)
		}
		reported = append(reported, former)
	})
	r := n.stage()
	n.mustPublish("target")
	n.kill(r)
	if len(reported) > 0 {
		t.Fatalf("reported before a client was replaced: %+v", reported)
	}
	working := n.cfg.Glusterfs
	n.cfg.Glusterfs = "/does/not/exist"
	if err := n.publish("second", false); err == nil {
		t.Error("a client was started")
	}
	n.cfg.Glusterfs = working
	n.mustPublish("second")
	if len(reported) != 2 {
		t.Fatalf("reported: %+v", reported)
	}
	for _, former := range reported {
		if former.Client != r.name() || former.Device != r.Device || former.StagingPath != n.path("staging") || former.Alive {
			t.Errorf("%+v", former)
		}
	}
}

func TestActiveGraphOfNoClient(t *testing.T) {
	n := newNode(t)
	if _, err := n.ActiveGraph(t.Context(), "id-vol"); !errors.Is(err, mount.ErrNotStaged) {
		t.Error(err)
	}
	n.stage()
	if _, err := n.ActiveGraph(t.Context(), "id-vol"); !errors.Is(err, mount.ErrUnavailable) { // it has no .meta
		t.Error(err)
	}
}

func TestGraphMayHaveChanged(t *testing.T) {
	n := newNode(t)
	if n.GraphMayHaveChanged("id-vol", time.Time{}) {
		t.Error("reported without a client")
	}
	n.stage()
	for since, want := range map[time.Duration]bool{-time.Hour: true, time.Hour: false} {
		if got := n.GraphMayHaveChanged("id-vol", time.Now().Add(since)); got != want {
			t.Errorf("since %s: %v", since, got)
		}
	}
	if err := os.Remove(n.logPath("id-vol")); err != nil {
		t.Fatal(err)
	}
	if !n.GraphMayHaveChanged("id-vol", time.Now().Add(time.Hour)) {
		t.Error("a log that is missing must count as changed")
	}
}

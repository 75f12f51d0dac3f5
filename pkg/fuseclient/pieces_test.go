package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestDeathsAreCounted: deaths of needed clients are counted, however the driver found the client.
func TestDeathsAreCounted(t *testing.T) {
	for name, known := range map[string]func(n *node){
		"by its start":     func(*node) {},
		"by its record":    func(n *node) { n.restart() },
		"by its arguments": func(n *node) { n.lose(nil); n.mustPublish("target") },
	} {
		n := newNode(t)
		r := n.stage()
		known(n)
		if report := n.Report(); report.Deaths != 0 || !report.InPod || len(report.Clients) != 1 || report.Clients[0] != (Client{Name: r.name(), PID: r.Process.PID, Placement: PlacementPod}) {
			t.Errorf("known %s: %+v", name, report)
		}
		n.kill(r)
		waitFor(t, "the client's death to be counted", func() bool { return n.Report().Deaths > 0 })
		if lacking := n.Report().Lacking; lacking != 1 {
			t.Errorf("known %s: %d volumes lack a client", name, lacking)
		}
		if deaths := n.Report().Deaths; deaths != 1 {
			t.Errorf("known %s: %d", name, deaths)
		}
	}
}

// TestLackingDuringAStart: a volume in use lacks a client even while one is being started.
func TestLackingDuringAStart(t *testing.T) {
	n := newNode(t)
	dead := n.mkdir("dead")
	deadFUSE(t, dead, mount.FSType)
	for name, test := range map[string]struct {
		path         string
		publications map[string]Publication
		want         int
	}{
		"its first client":                   {n.path("staging"), nil, 0},
		"published":                          {n.path("staging"), map[string]Publication{"/target": {}}, 1},
		"in use, but its record was rebuilt": {dead, nil, 1},
	} {
		n.mu.Lock()
		n.records["id-vol"] = record{Source: source("vol"), StagingPath: test.path, Publications: test.publications}
		n.mu.Unlock()
		if got := n.Report().Lacking; got != test.want {
			t.Errorf("%s: %d volumes lack a client, want %d", name, got, test.want)
		}
	}
}

// TestEndInUnstageIsNoDeath: the client of a volume that is being unstaged is not needed any more, however soon it ends.
func TestEndInUnstageIsNoDeath(t *testing.T) {
	n := newNode(t)
	n.OnDeath(func(volumeID string) { t.Errorf("the client of %s is said to have died", volumeID) })
	r := n.stage()
	slow := n.endingPath(r) + ".new" // opening it for writing waits for a reader
	if err := unix.Mkfifo(slow, 0o600); err != nil {
		t.Fatal(err)
	}
	unstaged := make(chan error)
	go func() { unstaged <- n.Unstage(t.Context(), "id-vol", n.path("staging")) }()
	waitFor(t, "the client to end with its last mount", func() bool { return !r.Process.alive() })
	time.Sleep(100 * time.Millisecond) // for what must not happen
	if _, err := os.ReadFile(slow); err != nil {
		t.Error(err)
	}
	if err := <-unstaged; err != nil {
		t.Error(err)
	}
	if deaths := n.Report().Deaths; deaths != 0 {
		t.Errorf("%d deaths", deaths)
	}
}

// TestVersionOf: the version is taken from the root directory, even if its files were removed.
func TestVersionOf(t *testing.T) {
	defer mounttest.HideProc(t)()
	if err := os.Mkdir("/proc/7", 0o755); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{
		"30 1 8:1 /var/lib/state/tree/10.3-x / ro - ext4 /dev/sda1 rw\n":          "10.3-x",
		"30 1 8:1 /var/lib/state/tree/10.3-x//deleted / ro - ext4 /dev/sda1 rw\n": "10.3-x",
		"30 1 8:1 / / rw - ext4 /dev/sda1 rw\n":                                   "",
		"30 1 8:1 /x/10.3-x / rw - ext4 /dev/sda1 rw\n":                           "",
		"30 1 8:1 /var/lib/state/tree/10.3-x /elsewhere ro - ext4 /dev/sda1 rw\n": "",
		"damaged\n": "",
	} {
		if err := os.WriteFile("/proc/7/mountinfo", []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := versionOf(process{PID: 7}); got != want {
			t.Errorf("%q: %q", table, got)
		}
	}
	if got := versionOf(process{PID: 8}); got != "" {
		t.Errorf("without a process: %q", got)
	}
}

// TestPlacementIsLogged: the placement is logged when Run begins, and when it changes.
func TestPlacementIsLogged(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Placement = PlacementNode // process 1 is refused this
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	ctx := klog.NewContext(t.Context(), log)
	m, err := NewManager(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	logged := func(want int, when string) {
		t.Helper()
		text := log.GetSink().(ktesting.Underlier).GetBuffer().String()
		if got := strings.Count(text, "GlusterFS clients run in the node plugin's container"); got != want {
			t.Errorf("%s: %d lines, want %d", when, got, want)
		}
	}
	logged(0, "at the start")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	m.Run(ended)
	logged(1, "when Run begins")
	m.upkeep(ctx)
	logged(1, "in a round with the same result")
	m.placement, m.tried = PlacementState{Placement: PlacementPod, Error: "another reason"}, time.Time{}
	m.upkeep(ctx)
	m.upkeep(ctx)
	logged(2, "in rounds of which the first has another reason")
	const unsupervised = "GlusterFS clients can mount more than once"
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); strings.Contains(text, unsupervised) {
		t.Errorf("logged of clients that are supervised: %s", text)
	}
	m.placement.Unsupervised = true
	m.logPlacement(ctx)
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); !strings.Contains(text, unsupervised) {
		t.Errorf("logged: %s", text)
	}
	const hidden = "GlusterFS clients make their mounts themselves"
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); strings.Contains(text, hidden) {
		t.Errorf("logged of clients whose memory can be read: %s", text)
	}
	m.placement.Hidden = "permission denied"
	m.logPlacement(ctx)
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); !strings.Contains(text, hidden) || !strings.Contains(text, m.placement.Hidden) {
		t.Errorf("logged: %s", text)
	}
	if err := (PlacementState{}).write(filepath.Join(cfg.StateDir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestPlacementIsTriedOnceForAll: calls use the result of an attempt that has just failed, instead of making one each.
func TestPlacementIsTriedOnceForAll(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Placement = PlacementNode
	m, err := NewManager(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, tt := range []struct {
		tried time.Time
		want  bool
	}{{time.Now(), false}, {time.Now().Add(-placingPause), true}} {
		m.tried, m.placement = tt.tried, PlacementState{} // so that an attempt changes it
		for _, want := range []bool{tt.want, false} {
			if got := m.openNode(t.Context()); got != want {
				t.Errorf("another call tried at %s, tried again: %t", tt.tried, got)
			}
		}
	}
}

// TestPlacementThatHangs: an attempt that hangs, for example on a disk, holds no call beyond its deadline.
func TestPlacementThatHangs(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Placement = PlacementNode
	m, err := NewManager(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.tried, m.placement = time.Time{}, PlacementState{} // so that an attempt changes it
	slow := placementPath(cfg.StateDir) + ".new"         // opening it for writing waits for a reader
	if err := errors.Join(os.Remove(placementPath(cfg.StateDir)), unix.Mkfifo(slow, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first call makes the attempt, the second one waits for it
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			m.retryNode(ctx)
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("the call hangs")
		}
		cancel()
	}
	if _, err := os.ReadFile(slow); err != nil {
		t.Error(err)
	}
	if err := m.placing.Acquire(t.Context(), 1); err != nil { // once the attempt has ended
		t.Fatal(err)
	}
	m.placing.Release(1)
	if time.Since(m.tried) > time.Minute {
		t.Error("the attempt was given up")
	}
}

// TestInNamespaceOfAClient: an error means that the client has ended only if it really has.
func TestInNamespaceOfAClient(t *testing.T) {
	reason := errors.New("reason")
	const none = 1 << 22
	if err := (process{PID: none}).inNamespaceOnly(func() error { t.Error("called"); return nil }); !errors.Is(err, errEnded) {
		t.Errorf("without a process: %v", err)
	}
	for _, kills := range []bool{false, true} {
		for _, want := range []error{nil, reason} {
			p := foreignProcess(t)
			err := p.inNamespaceOnly(func() error {
				if kills {
					return errors.Join(unix.Kill(p.PID, unix.SIGKILL), unix.Waitid(unix.P_PID, p.PID, nil, unix.WEXITED|unix.WNOWAIT, nil), want)
				}
				return want
			})
			if !errors.Is(err, want) || errors.Is(err, errEnded) != (kills && want != nil) {
				t.Errorf("killed: %t, an error of the function: %v: %v", kills, want, err)
			}
		}
	}
}

// TestFromRequest: a record is made only if a client's mount is there and the request describes the volume.
func TestFromRequest(t *testing.T) {
	n := newNode(t)
	deadFUSE(t, n.mkdir("dead"), mount.FSType)
	deadFUSE(t, n.mkdir("other"), "fuse.other")
	valid, invalid := source("vol"), mount.Source{VolumeID: "id-vol"}
	for _, tt := range []struct {
		source *mount.Source
		path   string
		want   bool
	}{{&valid, "dead", true}, {&valid, "other", false}, {&valid, "staging", false}, {&valid, "missing", false}, {nil, "dead", false}, {&invalid, "dead", false}} {
		r := fromRequest(mount.Publication{Source: tt.source}, n.path(tt.path))
		if (r.StagingPath == n.path(tt.path)) != tt.want || (r.Source.Volume == "vol") != tt.want {
			t.Errorf("%+v at %s: %+v", tt.source, tt.path, r)
		}
	}
}

// TestCompareWithRequest: another volume, or another directory of the volume, is refused unless the target is mounted.
func TestCompareWithRequest(t *testing.T) {
	n := newNode(t)
	deadFUSE(t, n.mkdir("mounted"), mount.FSType)
	n.mkdir("empty")
	if err := os.WriteFile(n.path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := record{Source: source("vol")}
	same, other, below := source("vol"), source("other"), source("vol")
	below.Subdir = "dir"
	for _, tt := range []struct {
		source *mount.Source
		path   string
		want   error
	}{
		{nil, "empty", nil}, {&same, "empty", nil}, {&other, "empty", mount.ErrConflict}, {&below, "empty", mount.ErrConflict}, {&other, "missing", mount.ErrConflict},
		{&other, "mounted", nil}, {&other, "file/below", unix.ENOTDIR},
	} {
		if err := compareWithRequest(r, mount.Publication{Source: tt.source}, n.path(tt.path)); !errors.Is(err, tt.want) {
			t.Errorf("%+v at %s: %v, want %v", tt.source, tt.path, err, tt.want)
		}
	}
}

// TestBindThatFails: a bind that fails removes the directory that it made.
func TestBindThatFails(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	r.Device.Minor += 1000
	if err := n.bind(t.Context(), r, mount.Publication{VolumeID: "id-vol"}, n.path("target")); err == nil || !strings.Contains(err.Error(), "its device is") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(n.path("target")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestHungClientInDoubt: a hung client is not rebuilt, replaced or published, and no record is saved.
func TestHungClientInDoubt(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	top, err := mount.Top(n.path("staging"))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.forget("id-vol"); err != nil {
		t.Fatal(err)
	}
	if err := n.replaceable(t.Context(), top, "id-other"); !errors.Is(err, mount.ErrConflict) || !strings.Contains(err.Error(), "alive and not this volume's") {
		t.Errorf("a client that lives: %v", err)
	}
	n.limits.calm = time.Hour
	n.stop(r)
	if err := n.replaceable(t.Context(), top, "id-other"); !errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("replaceable: %v", err)
	}
	if again, known, err := n.restore(t.Context(), "id-vol", n.path("staging")); !errors.Is(err, mount.ErrUnavailable) || !known || again.Process != r.Process {
		t.Errorf("restore: %+v, %t, %v", again, known, err)
	}
	if err := n.compareStaged(t.Context(), source("vol", "acl"), n.path("staging")); !errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("compareStaged: %v", err)
	}
	if now, known := n.record("id-vol"); known {
		t.Errorf("a record is saved: %+v", now)
	}
	if err := n.refuseHung(t.Context(), r, n.path("staging")); err != nil {
		t.Errorf("a client that has just been started: %v", err)
	}
	later := r
	later.Generation = time.Now().Add(time.Hour).UnixNano() // as if the clock had been set back
	if err := n.refuseHung(t.Context(), later, n.path("staging")); !errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("refuseHung: %v", err)
	}
	n.limits.calm = 0
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.refuseHung(ended, r, n.path("staging")); !errors.Is(err, mount.ErrTimeout) || errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("without time left: %v", err)
	}
	n.signal(r, unix.SIGCONT)
	n.signal(r, unix.SIGKILL)
}

package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// graph replaces, in one step, the bricks that the client of the volume "bricks" reports.
func (n *node) graph(connected map[string]string) {
	n.t.Helper()
	dir, link := n.t.TempDir(), filepath.Join(n.cfg.StateDir, "graphs")
	if err := errors.Join(
		os.CopyFS(dir, mounttest.Meta(connected, nil, nil)), os.Symlink(filepath.Join(dir, "graphs"), link+".new"), os.Rename(link+".new", link),
	); err != nil {
		n.t.Fatal(err)
	}
}

// volumeFile returns the volume file of a volume with the bricks of mounttest.Meta.
func volumeFile(bricks ...string) string {
	var b strings.Builder
	for _, brick := range bricks {
		b.WriteString("volume v-" + brick + "\ntype protocol/client\noption remote-host 10.0.0.1\noption remote-subvolume /b/" + brick + "/brick\nend-volume\n")
	}
	b.WriteString("volume v\ntype debug/io-stats\nend-volume\n")
	return b.String()
}

func (n *node) serve(file string) {
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) { return file, nil }
}

// fakeSize is the size that the fake client reports.
const fakeSize = 4096 * 1000

func TestExpand(t *testing.T) {
	for name, c := range map[string]struct {
		connected map[string]string
		file      string
		prepare   func(*node, record)
		want      error
		says      string
	}{
		"already connected":     {connected: map[string]string{"a": "1", "b": "1"}, file: volumeFile("b", "a")},
		"a brick is down":       {connected: map[string]string{"a": "1", "b": "0"}, file: volumeFile("a", "b")},
		"brick missing":         {connected: map[string]string{"a": "1"}, file: volumeFile("a", "b"), want: mount.ErrTimeout, says: "does not have the volume's new bricks"},
		"a brick too many":      {connected: map[string]string{"a": "1", "b": "1"}, file: volumeFile("a"), want: mount.ErrTimeout, says: "does not have the volume's new bricks"},
		"a file without bricks": {connected: map[string]string{"a": "1"}, file: volumeFile()},
		"an empty file":         {connected: map[string]string{"a": "1"}, file: ""},
		"an unreadable graph":   {file: volumeFile("a", "b"), prepare: func(n *node, _ record) { n.graph(nil); breakGraph(n) }},
		"a dead client": {
			connected: map[string]string{"a": "1"}, file: volumeFile("a", "b"), prepare: (*node).kill,
			want: mount.ErrUnavailable, says: "has ended",
		},
		"a client that hangs": {
			connected: map[string]string{"a": "1"}, file: volumeFile("a", "b"), prepare: (*node).stop,
			want: mount.ErrTimeout, says: "hangs",
		},
		"bricks away": {
			connected: map[string]string{"a": "0"}, file: volumeFile("a"), prepare: (*node).bricksAway,
			want: mount.ErrUnavailable, says: "bricks of volume",
		},
		"a client that was replaced": {
			connected: map[string]string{"a": "1"}, file: volumeFile("a"),
			prepare: func(n *node, r record) { n.kill(r); n.stageBricks() },
			want:    mount.ErrUnavailable, says: "publishing the volume again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.graph(c.connected)
			r := n.stageBricks()
			if err := n.Publish(t.Context(), mount.Publication{VolumeID: "id-bricks", StagingPath: n.path("staging"), TargetPath: n.path("target")}); err != nil {
				t.Fatal(err)
			}
			n.serve(c.file)
			if c.prepare != nil {
				c.prepare(n, r)
			}
			size, err := n.Expand(t.Context(), "id-bricks", n.path("target"))
			switch {
			case c.want == nil && (err != nil || size != fakeSize):
				t.Errorf("got %d bytes, %v", size, err)
			case c.want != nil && (!errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %d bytes, %v; want %v with %q", size, err, c.want, c.says)
			}
		})
	}
}

// breakGraph removes the state of the translators from .meta.
func breakGraph(n *node) {
	n.t.Helper()
	if err := os.Remove(filepath.Join(n.cfg.StateDir, "graphs", "active", "vol", "type")); err != nil {
		n.t.Fatal(err)
	}
}

// TestExpandWaits: Expand waits for bricks that the client does not have yet.
func TestExpandWaits(t *testing.T) {
	n := newNode(t)
	n.limits.bricks = time.Minute
	n.graph(map[string]string{"a": "1"})
	n.stageBricks()
	var arrived atomic.Bool
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) {
		time.AfterFunc(150*time.Millisecond, func() {
			arrived.Store(true)
			n.graph(map[string]string{"a": "1", "b": "1"})
		})
		return volumeFile("a", "b"), nil
	}
	if size, err := n.Expand(t.Context(), "id-bricks", n.path("staging")); err != nil || size != fakeSize || !arrived.Load() {
		t.Errorf("%d bytes, %v; the bricks are there: %t", size, err, arrived.Load())
	}
}

// TestExpandWithoutAnswer: Expand does not wait if no server answers, or the client does not report its bricks.
func TestExpandWithoutAnswer(t *testing.T) {
	n := newNode(t)
	n.limits.bricks = time.Hour
	n.stage()
	for _, fetch := range []func(context.Context, string, int, string) (string, error){
		func(context.Context, string, int, string) (string, error) { return "", volfile.ErrNoAnswer },
		func(context.Context, string, int, string) (string, error) { return volumeFile("a"), nil }, // the client has no .meta
	} {
		n.cfg.FetchVolfile = fetch
		if size, err := n.Expand(t.Context(), "id-vol", n.path("staging")); err != nil || size != fakeSize {
			t.Errorf("%d bytes, %v", size, err)
		}
	}
	if size, err := n.Expand(t.Context(), "id-vol", n.mkdir("plain")); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("where the volume is not mounted: %d bytes, %v", size, err)
	}
}

// TestExpandEndsBeforeTheCall: Expand returns before the call's deadline, so that the caller gets the reason, and at once when
// the call is cancelled.
func TestExpandEndsBeforeTheCall(t *testing.T) {
	n := newNode(t)
	n.limits.bricks = time.Hour
	n.graph(map[string]string{"a": "1"})
	n.stageBricks()
	n.serve(volumeFile("a", "b"))
	ctx, cancel := context.WithTimeout(t.Context(), 3*n.limits.ask)
	defer cancel()
	if _, err := n.Expand(ctx, "id-bricks", n.path("staging")); !errors.Is(err, mount.ErrTimeout) || ctx.Err() != nil {
		t.Errorf("got %v, while the call's context has %v", err, ctx.Err())
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	n.cfg.FetchVolfile = func(context.Context, string, int, string) (string, error) {
		time.AfterFunc(10*time.Millisecond, cancel)
		return volumeFile("a", "b"), nil
	}
	if _, err := n.Expand(ctx, "id-bricks", n.path("staging")); !errors.Is(err, mount.ErrTimeout) || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "hangs") {
		t.Errorf("a caller that goes away: %v", err)
	}
}

// TestExpandWithABrickAway: a brick is down for as long as a call may take.
func TestExpandWithABrickAway(t *testing.T) {
	n := newNode(t)
	n.limits.connect = time.Hour
	n.graph(map[string]string{"a": "1", "b": "0"})
	n.stageBricks()
	n.serve(volumeFile("a", "b"))
	if size, err := n.Expand(t.Context(), "id-bricks", n.path("staging")); err != nil || size != fakeSize {
		t.Errorf("%d bytes, %v", size, err)
	}
}

func TestBrickWait(t *testing.T) {
	have := func(bricks string, connected bool) mount.Graph {
		return mount.Graph{Bricks: bricks, Connected: connected}
	}
	old, half, all := have("1", true), have("2", false), have("2", true)
	for name, tt := range map[string]struct {
		checks []mount.Graph // one per second
		want   int           // the check that ends the wait; 0: none
	}{
		"at once":                     {[]mount.Graph{all}, 1},
		"twice in a row":              {[]mount.Graph{old, all, all}, 3},
		"only once":                   {[]mount.Graph{old, all}, 0},
		"gone again":                  {[]mount.Graph{old, all, old, all}, 0},
		"connected later":             {[]mount.Graph{half, all, all}, 3},
		"never connected":             {[]mount.Graph{half, half, half, half}, 4},
		"never connected, from later": {[]mount.Graph{old, half, half, half, half}, 5},
		"other bricks":                {[]mount.Graph{old, old, old, old, old, old}, 0},
		"there, gone, never again":    {[]mount.Graph{half, half, old, half, half}, 0},
	} {
		wait := brickWait{bricks: "2", connect: 2 * time.Second}
		got := 0
		for i, graph := range tt.checks {
			if wait.isOver(graph, time.Unix(int64(i), 0)) {
				got = i + 1
				break
			}
		}
		if got != tt.want {
			t.Errorf("%s: the wait ends at check %d, want %d", name, got, tt.want)
		}
	}
}

package fuseclient

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(n *node, r record)
		want    mount.Health
		root    error
	}{
		"healthy":     {prepare: func(*node, record) {}},
		"dead":        {prepare: func(n *node, r record) { n.kill(r) }, want: mount.Health{Ended: true}},
		"bricks away": {prepare: func(n *node, r record) { n.bricksAway(r) }, root: mount.ErrUnavailable},
		"hung":        {prepare: func(n *node, r record) { n.stop(r) }, want: mount.Health{Hung: true}},
		"old bind": {prepare: func(n *node, r record) {
			n.kill(r)
			n.stage()
		}, want: mount.Health{Ended: true}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			c.prepare(n, r)
			got, err := n.Health(t.Context(), "id-vol", n.path("target"))
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(got.Root, c.root) || c.root == nil && got.Root != nil {
				t.Errorf("the root directory: %v, want %v", got.Root, c.root)
			}
			if got.Ended != c.want.Ended || got.Hung != c.want.Hung || got.Bricks > 0 {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestHealthWithoutTime: a call that ends early shows nothing about the volume.
func TestHealthWithoutTime(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.stop(r)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if health, err := n.Health(ctx, "id-vol", n.path("staging")); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("got %+v, %v", health, err)
	}
}

func TestHealthOfWhatIsNotMounted(t *testing.T) {
	n := newNode(t)
	n.stage()
	for _, path := range []string{n.path("missing"), n.path("missing/target"), n.mkdir("plain")} {
		if health, err := n.Health(t.Context(), "id-vol", path); !errors.Is(err, mount.ErrNotMounted) {
			t.Errorf("%s: %+v, %v", path, health, err)
		}
	}
	if health, err := n.Health(t.Context(), "id-vol", ""); err != nil {
		t.Errorf("no path: %+v, %v", health, err)
	}
	if health, err := n.Health(t.Context(), "id-other", ""); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("another volume, no path: %+v, %v", health, err)
	}
	if health, err := n.Health(t.Context(), "id-other", n.path("staging")); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("another volume: %+v, %v", health, err)
	}
	if health, err := n.Health(t.Context(), "id-vol", "relative"); !errors.Is(err, mount.ErrInvalid) {
		t.Errorf("a relative path: %+v, %v", health, err)
	}
}

// TestUnstageClosesMeta: an open descriptor would keep the client from ending, so .meta is closed when the volume is unstaged.
func TestUnstageClosesMeta(t *testing.T) {
	n := newNode(t)
	n.limits.exit = time.Minute // so that it is not killed
	r := n.stage()
	dir, err := os.OpenFile(n.path("staging"), unix.O_PATH|unix.O_DIRECTORY, 0) // stands for .meta, which the fake client does not have
	if err != nil {
		t.Fatal(err)
	}
	n.metas.put(r, dir)
	if again := n.holdMeta(context.Background(), r, n.path("staging")); again != dir {
		t.Errorf("it was opened a second time: %v", again)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is still open: %v", err)
	}
	waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
}

// TestMetaIsNotOpenedAgain: a request for .meta that is answered only when the client is to end, or has ended, does not leave a
// descriptor open for ever.
func TestMetaIsNotOpenedAgain(t *testing.T) {
	n := newNode(t)
	n.limits.exit = time.Minute // so that it is not killed
	r := n.stage()
	late := func(when string) {
		t.Helper()
		dir, err := os.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		n.metas.put(r, dir)
		if err := dir.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("it stays open %s: %v", when, err)
		}
	}
	n.stop(r)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	late("while the client ends")
	n.kill(r)
	n.ending.Wait()
	late("when it has ended")
	if left := len(n.metas.all) + len(n.metas.closed); left > 0 {
		t.Errorf("%d clients are remembered", left)
	}
}

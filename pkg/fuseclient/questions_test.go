package fuseclient

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestHungClientHoldsFewThreads: the kubelet repeats its calls, and a client that hangs costs only a few threads however long
// that lasts.
func TestHungClientHoldsFewThreads(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(n *node)
		call    func(n *node) error
	}{
		"statistics": {func(*node) {}, func(n *node) error {
			_, err := n.Stats(n.t.Context(), "id-vol", n.path("target"))
			return err
		}},
		"statistics of an old client": {func(n *node) {
			if err := n.Unstage(n.t.Context(), "id-vol", n.path("staging")); err != nil {
				n.t.Fatal(err)
			}
			n.stage()
		}, func(n *node) error {
			_, err := n.Stats(n.t.Context(), "id-vol", n.path("target"))
			return err
		}},
		"health": {func(*node) {}, func(n *node) error {
			health, err := n.Health(n.t.Context(), "id-vol", n.path("target"))
			if err == nil && health.Hung {
				err = mount.ErrTimeout
			}
			return cmp.Or(err, health.Root) // on a busy machine the first request may fail for another reason
		}},
		"stage over an unknown client": {func(n *node) {
			if err := n.forget("id-vol"); err != nil {
				n.t.Fatal(err)
			}
		}, func(n *node) error { return n.Stage(n.t.Context(), source("vol"), n.path("staging")) }},
		"stage": {func(*node) {}, func(n *node) error { return n.Stage(n.t.Context(), source("vol"), n.path("staging")) }},
		"publish": {func(*node) {}, func(n *node) error {
			err := n.publish("another", false)
			if err == nil {
				err = n.Unpublish(n.t.Context(), "id-vol", n.path("another"))
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			c.prepare(n)
			n.stop(r)
			t.Cleanup(func() { _ = unix.Kill(r.Process.PID, unix.SIGKILL) })
			n.limits.ask = 10 * time.Millisecond
			goroutines, before := runtime.NumGoroutine(), threads(t)
			answered := 0
			for range 60 {
				if c.call(n) == nil {
					answered++
				}
			}
			// On a busy machine a child may not get to ask in time. That shows nothing about the client, and the call continues.
			if answered > 20 {
				t.Errorf("a hung client has answered %d of 60 calls", answered)
			}
			// The Go runtime itself starts and ends threads.
			if more := threads(t) - before; more > 20 {
				t.Errorf("60 calls hold %d more threads", more)
			}
			if more := runtime.NumGoroutine() - goroutines; more > 5 {
				t.Errorf("60 calls hold %d more goroutines", more)
			}
		})
	}
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestNextClientIsAskedItself: a request that hangs in one client does not count for the volume's next client.
func TestNextClientIsAskedItself(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.stop(r)
	t.Cleanup(func() { _ = unix.Kill(r.Process.PID, unix.SIGKILL) })
	if _, err := n.Stats(t.Context(), "id-vol", n.path("staging")); !errors.Is(err, mount.ErrTimeout) {
		t.Fatalf("a hung client: %v", err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.stage()
	if _, err := n.Stats(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Errorf("the next client: %v", err)
	}
}

// TestHungClientIsNotPublished: the container runtime would hang in the mount. Missing bricks do not keep a volume from being
// published; the application sees their errors.
func TestHungClientIsNotPublished(t *testing.T) {
	n := newNode(t)
	n.limits.hung = time.Hour
	r := n.stage()
	n.stop(r)
	t.Cleanup(func() { _ = unix.Kill(r.Process.PID, unix.SIGKILL) })
	for name, call := range map[string]func() error{
		"stage":   func() error { return n.Stage(t.Context(), source("vol"), n.path("staging")) },
		"publish": func() error { return n.publish("target", false) },
	} {
		n.hung.forget(r.name())
		if err := call(); !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), "hangs") {
			t.Errorf("%s: %v", name, err)
		}
		if !n.MayHang(served(r), 0) {
			t.Errorf("%s: package healing would not ask the client", name)
		}
	}
	if n.layers("target") != 0 {
		t.Error("a client that hangs was published")
	}
	n.signal(r, unix.SIGCONT)
	waitFor(t, "the publish", func() bool { return n.publish("target", false) == nil })
	n.bricksAway(r)
	n.stage()
	n.mustPublish("another")
}

// TestNewClientIsNotAsked: a new client has just given its first answer.
func TestNewClientIsNotAsked(t *testing.T) {
	n := newNode(t)
	n.stop(n.stage())
	n.limits.calm = time.Hour
	n.mustPublish("target")
	n.limits.calm = 0
	if err := n.publish("target", false); !errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("later: %v", err)
	}
}

// TestNoChildProcess: if no child process can be started, volumes are still published and unmounted, and nothing is reported
// about clients.
func TestNoChildProcess(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.asker.Close()
	n.asker = &fusequery.Asker{Start: func(*exec.Cmd) (func(), error) { return nil, unix.EAGAIN }}
	n.stage()
	n.mustPublish("target")
	if stats, err := n.Stats(t.Context(), "id-vol", n.path("target")); !errors.Is(err, fusequery.ErrNotAsked) {
		t.Errorf("%+v, %v", stats, err)
	}
	if health, err := n.Health(t.Context(), "id-vol", n.path("target")); !errors.Is(err, fusequery.ErrNotAsked) {
		t.Errorf("%+v, %v", health, err)
	}
	if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
		t.Error(err)
	}
	waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
}

// TestUnmountAsksNothing: an unmount sends no request to a client that hangs.
func TestUnmountAsksNothing(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	n.stop(r)
	n.asker.Close()
	n.asker = &fusequery.Asker{Start: func(*exec.Cmd) (func(), error) { t.Error("a client is asked"); return nil, unix.EAGAIN }}
	if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
}

// TestPathInAClient: this process does not follow a path that leads through a FUSE file system.
func TestPathInAClient(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	inside := n.path("staging/missing/target")
	if got, err := n.resolve(t.Context(), inside); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q, %v", got, err)
	}
	n.stop(r)
	if got, err := n.resolve(t.Context(), inside); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("with a client that hangs: %q, %v", got, err)
	}
	if got, err := n.resolveMounted(t.Context(), inside); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("with a client that hangs: %q, %v", got, err)
	}
	n.asker.Close()
	if got, err := n.resolveMounted(t.Context(), inside+"/"); got != inside || err != nil {
		t.Errorf("without a process that asks: %q, %v", got, err)
	}
}

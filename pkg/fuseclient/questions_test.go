package fuseclient

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// However many ask, a hung client is asked once. All of them get the answer, and the next one asks again.
func TestOneQuestionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Manager{limits: limits{ask: time.Minute}}
		var callers sync.WaitGroup
		asked, answer := 0, make(chan struct{})
		call := func(name string) {
			got, err := ask(t.Context(), &s, name, func() (mount.Stats, error) {
				asked++
				<-answer
				return mount.Stats{TotalBytes: 7}, nil
			})
			if err != nil || got.TotalBytes != 7 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		for range 20 {
			callers.Go(func() { call("a") })
		}
		synctest.Wait()
		if asked != 1 {
			t.Errorf("%d questions are under way", asked)
		}
		close(answer)
		callers.Wait()
		if call("a"); asked != 2 {
			t.Error("an old answer was given")
		}
	})
}

// Callers that give up, because a limit or their own time has passed, leave nothing behind.
func TestQuestionsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Manager{limits: limits{ask: time.Second}}
		answer := make(chan struct{})
		hang := func() (bool, error) { <-answer; return true, nil }
		before := runtime.NumGoroutine()
		for i := range 500 {
			ctx, cancel := context.WithCancel(t.Context())
			if i%2 == 0 {
				cancel()
			}
			if got, err := ask(ctx, &s, "a", hang); got || !errors.Is(err, mount.ErrTimeout) {
				t.Fatalf("%t, %v", got, err)
			}
			cancel()
		}
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > 10 { // those of earlier tests may end meanwhile
			t.Errorf("%d goroutines wait for one client", more)
		}
		close(answer)
	})
}

// The kubelet asks and stages again and again; a client that hangs costs a few threads, however long that goes on.
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
			return err
		}},
		"stage over a client that is not known": {func(n *node) {
			if err := n.forget("id-vol"); err != nil {
				n.t.Fatal(err)
			}
		}, func(n *node) error { return n.Stage(n.t.Context(), source("vol"), n.path("staging")) }},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			r := n.stage()
			n.mustPublish("target")
			c.prepare(n)
			n.stop(r)
			t.Cleanup(func() { _ = unix.Kill(r.Process.PID, unix.SIGKILL) })
			n.limits.ask = 5 * time.Millisecond
			goroutines, before := runtime.NumGoroutine(), threads(t)
			for range 60 {
				if err := c.call(n); err == nil {
					t.Fatal("a hung client has answered")
				}
			}
			// Threads of the Go runtime itself come and go.
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

// A question that hangs in a client answers for that client only, and not for the next one of the volume.
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

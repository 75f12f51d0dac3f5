package fusequery

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestQuestions asks every kind of question, through one child.
func TestQuestions(t *testing.T) {
	a, dir := newAsker(t), t.TempDir()
	path := filepath.Join(dir, "volume")
	if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("tmpfs", path, "tmpfs", 0, "size=1m"), os.Symlink("volume", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	if err := errors.Join(
		os.MkdirAll(filepath.Join(path, ".meta", graph, "a/options"), 0o755),
		os.WriteFile(filepath.Join(path, ".meta", graph, "a/type"), []byte("protocol/client\n"), 0o600),
		os.WriteFile(filepath.Join(path, ".meta", graph, "a/private"), []byte("connected = 0\n"), 0o600),
		os.WriteFile(filepath.Join(path, ".meta", graph, "a/options/remote-host"), []byte("h\n"), 0o600),
		os.WriteFile(filepath.Join(path, ".meta", graph, "a/options/remote-subvolume"), []byte("/b\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	device := deviceOf(t, path)
	ctx := t.Context()
	if got, err := a.Getattr(ctx, long, "s", path); err != nil || got != device {
		t.Errorf("Getattr: %v, %v", got, err)
	}
	if _, err := a.Getattr(ctx, long, "s", path+"/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Getattr: %v", err)
	}
	if ended, err := a.ClientEnded(ctx, long, "s", path); err != nil || ended {
		t.Errorf("ClientEnded: %t, %v", ended, err)
	}
	if got, err := a.Statfs(ctx, long, "s", path, device); err != nil || got.TotalBytes != 1<<20 {
		t.Errorf("Statfs: %+v, %v", got, err)
	}
	if _, err := a.Statfs(ctx, long, "s", dir, device); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("Statfs of the disk below: %v", err)
	}
	if got, err := a.EvalSymlinks(ctx, long, filepath.Join(dir, "link")); err != nil || got != path {
		t.Errorf("EvalSymlinks: %q, %v", got, err)
	}
	var meta *os.File
	if err := a.OpenMeta(ctx, long, "s", path, ".meta", device, func(f *os.File) { meta = f }); err != nil {
		t.Fatal(err)
	}
	if got, err := a.ReadMeta(ctx, long, "s", meta); err != nil || got.Bricks != 1 || got.Down[0] != "h:/b" || !got.Lost {
		t.Errorf("ReadMeta: %+v, %v", got, err)
	}
	if got, err := a.ReadGraph(ctx, long, "s", meta); err != nil || got != (mount.Graph{Bricks: mount.BrickSet([]string{"h:/b"})}) {
		t.Errorf("ReadGraph: %+v, %v", got, err)
	}
	if err := meta.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReadMeta(ctx, long, "s", meta); !errors.Is(err, ErrNotAsked) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("ReadMeta of a closed directory: %v", err)
	}
	if err := a.OpenMeta(ctx, long, "s", dir, ".meta", device, func(*os.File) { t.Error("a directory of the disk was opened") }); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("OpenMeta: %v", err)
	}
	if n := len(children(t)); n != 1 {
		t.Errorf("%d processes ask", n)
	}
}

// TestDeadClient: the kernel answers for a dead client, and its errors arrive.
func TestDeadClient(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	c.end()
	if ended, err := a.ClientEnded(t.Context(), long, "s", c.path); err != nil || !ended {
		t.Errorf("ClientEnded: %t, %v", ended, err)
	}
	if _, err := a.Statfs(t.Context(), long, "s", c.path, deviceOf(t, c.path)); err != unix.ENOTCONN { //nolint:errorlint // for mount-utils
		t.Errorf("Statfs: %v", err)
	}
}

// TestManyCallersOfHungClients: many callers of hung clients leave no goroutines and no threads. A child stays only for as long
// as it cannot end.
func TestManyCallersOfHungClients(t *testing.T) {
	a := newAsker(t)
	hung := []*client{newClient(t), newClient(t)}
	stop := hung[1].takeRequests() // a process that waits for this client cannot be killed
	if _, err := a.EvalSymlinks(t.Context(), long, "/"); err != nil {
		t.Fatal(err)
	}
	goroutines, threads := runtime.NumGoroutine(), threadCount(t)
	var callers sync.WaitGroup
	for range 500 {
		for _, c := range hung {
			callers.Go(func() {
				if _, err := a.ClientEnded(t.Context(), 100*time.Millisecond, c.path, c.path); !errors.Is(err, mount.ErrTimeout) {
					t.Errorf("%v", err)
				}
			})
		}
	}
	callers.Wait()
	if n := len(children(t)); n > 2 {
		t.Errorf("%d processes ask", n)
	}
	began := time.Now()
	waitFor(t, "the age of the question", func() bool {
		_, err := a.ClientEnded(t.Context(), long, hung[1].path, hung[1].path)
		return errors.Is(err, mount.ErrTimeout) && strings.Contains(err.Error(), "no answer for 1s")
	})
	if time.Since(began) > long/2 {
		t.Error("a caller waited for a question that is late")
	}
	if more := threadCount(t) - threads; more > 10 { // the Go runtime starts and ends some itself
		t.Errorf("1,000 calls hold %d more threads", more)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 8 {
		t.Errorf("1,000 calls hold %d more goroutines", more)
	}
	healthy := t.TempDir()
	if _, err := a.Getattr(t.Context(), long, healthy, healthy); err != nil {
		t.Errorf("another client: %v", err)
	}
	for _, c := range hung { // the first gets an answer although the second still holds the process that asked both
		if c == hung[1] {
			stop()
		}
		c.end()
		waitFor(t, "the answer of a client that has ended", func() bool {
			ended, err := a.ClientEnded(t.Context(), long, c.path, c.path)
			return ended && err == nil
		})
	}
}

func threadCount(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestOthersKeepTheirTime: a child with one late question is not killed while another one may still be answered.
func TestOthersKeepTheirTime(t *testing.T) {
	a, slow, hung := newAsker(t), newClient(t), newClient(t)
	answered := make(chan error)
	go func() {
		_, err := a.Getattr(t.Context(), long, "slow", slow.path)
		answered <- err
	}()
	slow.read() // the question has arrived
	if _, err := a.Getattr(t.Context(), 50*time.Millisecond, "hung", hung.path); !errors.Is(err, mount.ErrTimeout) {
		t.Fatal(err)
	}
	before := children(t)
	if _, err := a.EvalSymlinks(t.Context(), long, "/"); err != nil {
		t.Fatal(err)
	}
	if after := children(t); len(before) != 1 || len(after) != 2 {
		t.Errorf("processes before the next question: %v, after: %v", before, after)
	}
	slow.end()
	if err := <-answered; !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("%v", err)
	}
	waitFor(t, "the end of the first process", func() bool { return len(children(t)) == 1 })
}

// TestChildIsKilled: a question whose child is killed from outside is asked again, but only once.
func TestChildIsKilled(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	answered := make(chan error)
	go func() {
		_, err := a.Getattr(t.Context(), long, "s", c.path)
		answered <- err
	}()
	for range 2 {
		waitFor(t, "a process that waits", func() bool { return len(children(t)) == 1 })
		waitFor(t, "its request", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.current != nil && a.current.ready && len(a.current.queue) == 0
		})
		first := children(t)
		if len(first) != 1 {
			t.Fatalf("%v", first)
		}
		if err := unix.Kill(first[0], unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "its end", func() bool { now := children(t); return len(now) == 0 || now[0] != first[0] })
	}
	if err := <-answered; !errors.Is(err, ErrNotAsked) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v", err)
	}
}

// TestNoChild: a child that cannot be started shows nothing about the client.
func TestNoChild(t *testing.T) {
	tries := 0
	a := &Asker{Start: func(*exec.Cmd) (func(), error) { tries++; return nil, unix.EAGAIN }}
	if _, err := a.Getattr(t.Context(), long, "s", "/"); !errors.Is(err, ErrNotAsked) || !errors.Is(err, unix.EAGAIN) || errors.Is(err, mount.ErrTimeout) {
		t.Errorf("%v", err)
	}
	if tries != maxTries {
		t.Errorf("%d tries", tries)
	}
}

// TestCallerGivesUp: a caller that gives up changes nothing for others.
func TestCallerGivesUp(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("the caller's reason"))
	defer cancel()
	_, err := a.Getattr(ctx, long, "s", c.path)
	if !errors.Is(err, mount.ErrTimeout) || !strings.Contains(err.Error(), "the caller's reason") {
		t.Errorf("%v", err)
	}
	c.read()
	c.end()
	waitFor(t, "the answer", func() bool { _, err := a.Getattr(t.Context(), long, "s", c.path); return errors.Is(err, unix.ENOTCONN) })
}

// TestClose: waiting callers get an error.
func TestClose(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	answered := make(chan error)
	go func() {
		_, err := a.Getattr(t.Context(), long, "s", c.path)
		answered <- err
	}()
	c.read()
	a.Close()
	if err := <-answered; !errors.Is(err, ErrNotAsked) {
		t.Errorf("%v", err)
	}
	if _, err := a.Getattr(t.Context(), long, "s", "/"); !errors.Is(err, ErrNotAsked) {
		t.Errorf("afterwards: %v", err)
	}
	a.Prepare()
	c.end()
	waitFor(t, "the end of the children", func() bool { return len(children(t)) == 0 })
}

// TestKilledWhileAClientIsAsked: the driver ends at once; only its child stays as long as the client.
func TestKilledWhileAClientIsAsked(t *testing.T) {
	c := newClient(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	driver := exec.CommandContext(t.Context(), self, "driver", c.path)
	driver.Stderr = os.Stderr
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	c.read()
	if err := driver.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := driver.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v", err)
	}
	left := children(t)
	if len(left) != 1 {
		t.Fatalf("processes that ask: %v", left)
	}
	c.end()
	var status unix.WaitStatus
	if _, err := unix.Wait4(left[0], &status, 0, nil); err != nil || status.ExitStatus() != 0 { // this process is its parent by now
		t.Errorf("%v, %v", status, err)
	}
}

package fusequery

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestChildStandsAlone: the child has none of the driver's secrets, keeps no directory busy, and gets no signal that is meant for
// the driver.
func TestChildStandsAlone(t *testing.T) {
	a := newAsker(t)
	for _, inherits := range []bool{true, false} {
		if !inherits {
			a = newAsker(t)
			a.Start = nil
		}
		if _, err := a.EvalSymlinks(t.Context(), long, "/"); err != nil {
			t.Fatal(err)
		}
		pids := children(t)
		if len(pids) != 1 {
			t.Fatalf("processes that ask: %v", pids)
		}
		proc := fmt.Sprintf("/proc/%d/", pids[0])
		environ, err := os.ReadFile(proc + "environ")
		args, argsErr := os.ReadFile(proc + "cmdline")
		comm, commErr := os.ReadFile(proc + "comm")
		dir, dirErr := os.Readlink(proc + "cwd")
		session, sessionErr := unix.Getsid(pids[0])
		if err := errors.Join(err, argsErr, commErr, dirErr, sessionErr); err != nil {
			t.Error(err)
		}
		if !inherits && len(environ) > 0 {
			t.Errorf("its environment is %q", environ)
		}
		if want := os.Args[0] + "\x00" + Argument + "\x00"; string(args) != want || string(comm) != Argument+"\n" {
			t.Errorf("ps shows %q, %q; want %q, %q", args, comm, want, Argument)
		}
		if dir != "/" || session != pids[0] {
			t.Errorf("its directory is %s and its session %d, process %d", dir, session, pids[0])
		}
		a.Close()
		waitFor(t, "its end", func() bool { return len(children(t)) == 0 })
	}
}

// TestEndedIsCalled: the function that Start returns is called once for each started process.
func TestEndedIsCalled(t *testing.T) {
	a := newAsker(t)
	var started, ended atomic.Int64
	a.Start = func(cmd *exec.Cmd) (func(), error) {
		started.Add(1)
		return func() { ended.Add(1) }, cmd.Start()
	}
	for range 3 { // all to one process
		if _, err := a.EvalSymlinks(t.Context(), long, "/"); err != nil {
			t.Fatal(err)
		}
	}
	if ended.Load() != 0 {
		t.Error("called too early")
	}
	a.Close()
	waitFor(t, "the call", func() bool { return ended.Load() == 1 && started.Load() == 1 })
}

// TestChildThatEndsAtOnce: a child that ends without an error still gives the caller one.
func TestChildThatEndsAtOnce(t *testing.T) {
	a := newAsker(t)
	a.Start = func(cmd *exec.Cmd) (func(), error) {
		cmd.Path, cmd.Args = "/bin/true", []string{"true"}
		return func() {}, cmd.Start()
	}
	if _, err := a.Getattr(t.Context(), long, "s", "/"); !errors.Is(err, ErrNotAsked) || !strings.Contains(err.Error(), "exit status 0") {
		t.Errorf("%v", err)
	}
}

// TestChildThatStartsLate: a child that starts after its time was up is killed nevertheless.
func TestChildThatStartsLate(t *testing.T) {
	a := newAsker(t)
	a.startLimit = time.Millisecond
	isLate := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.current.killed
	}
	a.Start = func(cmd *exec.Cmd) (func(), error) {
		for !isLate() {
			time.Sleep(time.Millisecond)
		}
		cmd.Path, cmd.Args = "/bin/sleep", []string{"sleep", "1000"}
		return func() {}, cmd.Start()
	}
	if _, err := a.Getattr(t.Context(), long, "s", "/"); !errors.Is(err, ErrNotAsked) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v", err)
	}
}

// TestFewDescriptors: a child that cannot be started shows nothing about the client, and leaves no descriptor.
func TestFewDescriptors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	ask := func() error {
		a := newAsker(t)
		a.Start = nil
		defer a.Close()
		_, err := a.EvalSymlinks(t.Context(), long, "/")
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end", func() bool { return len(children(t)) == 0 })
	before := mounttest.Descriptors(t)
	failed := 0
	for more := range 16 {
		restore := mounttest.LimitDescriptors(t, more)
		err := ask()
		restore()
		if err != nil {
			failed++
		}
		if err != nil && (!errors.Is(err, ErrNotAsked) || !errors.Is(err, unix.EMFILE)) {
			t.Errorf("with %d descriptors: %v", more, err)
		}
	}
	if failed < 3 {
		t.Errorf("only %d questions have failed: this test needs another range", failed)
	}
	waitFor(t, "the children's end", func() bool { return len(children(t)) == 0 })
	waitFor(t, "the last descriptor to be closed", func() bool { return mounttest.Descriptors(t) <= before })
}

// TestSecondTryHasItsOwnTime: the second try gets the full limit, not the rest of the first one's.
func TestSecondTryHasItsOwnTime(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	answered := make(chan error, 1)
	go func() {
		_, err := a.Getattr(t.Context(), 3*time.Second, "s", c.path) // enough to see the question, and to kill its process
		answered <- err
	}()
	waitFor(t, "a process with a question", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.current != nil && a.current.ready && len(a.current.queue) == 0
	})
	for _, pid := range children(t) {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answered; !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("%v", err)
	}
	waitFor(t, "the end of the second process", func() bool { return len(children(t)) == 0 })
}

// TestAnswerThatIsNotWaitedFor: an answer without a waiting caller leaves no descriptor.
func TestAnswerThatIsNotWaitedFor(t *testing.T) {
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	a := &Asker{}
	a.answered(newWorker(), 7, answer{ID: 7, file: file}, nil)
	a.answered(newWorker(), 7, answer{ID: 7}, nil)
	if err := file.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is still open: %v", err)
	}
}

// TestMetaInTheChild: the child closes a directory that it opened for an answer, and an answer that does not fit is an error.
func TestMetaInTheChild(t *testing.T) {
	a, path := newAsker(t), filepath.Join(t.TempDir(), "volume")
	if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("tmpfs", path, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	device := deviceOf(t, path)
	if err := a.OpenMeta(t.Context(), long, "s", path, ".meta", device, func(*os.File) { t.Error("opened") }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without .meta: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(path, ".meta", graph), 0o755); err != nil {
		t.Fatal(err)
	}
	var meta *os.File
	ask := func() error {
		if err := a.OpenMeta(t.Context(), long, "s", path, ".meta", device, func(f *os.File) { meta = f }); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = meta.Close() }()
		_, err := a.ReadMeta(t.Context(), long, "s", meta)
		return err
	}
	descriptors := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", children(t)[0]))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	restore := mounttest.LimitDescriptors(t, 0)
	err := a.OpenMeta(t.Context(), long, "s", path, ".meta", device, func(*os.File) { t.Error("opened") })
	restore()
	if !errors.Is(err, ErrNotAsked) || !errors.Is(err, unix.EMFILE) {
		t.Errorf("without a descriptor for it: %v", err)
	}
	before := descriptors()
	for range 10 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	waitFor(t, "the descriptors to be closed", func() bool { return descriptors() <= before })
	for i := range 40 {
		dir := filepath.Join(path, ".meta", graph, strconv.Itoa(i))
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "options"), 0o755), os.WriteFile(filepath.Join(dir, "type"), []byte("protocol/client\n"), 0o600),
			os.WriteFile(filepath.Join(dir, "private"), []byte("connected = 0\n"), 0o600), os.WriteFile(filepath.Join(dir, "options/remote-host"), []byte("h\n"), 0o600),
			os.WriteFile(filepath.Join(dir, "options/remote-subvolume"), []byte(strings.Repeat("b", 2000)), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(); !errors.Is(err, unix.EMSGSIZE) || errors.Is(err, mount.ErrTimeout) {
		t.Errorf("an answer of 80,000 bytes: %v", err)
	}
}

package fusequery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) {
	if IsChild(os.Args) {
		syscall.Exit(Serve(os.Stderr)) // os.Exit takes a second under the race detector
	}
	if len(os.Args) == 3 && os.Args[1] == "driver" {
		doomedDriver(os.Args[2])
	}
	os.Exit(mounttest.RunPrivate(m))
}

// doomedDriver is the test binary in the role of a driver that asks a client, and is killed while it waits.
func doomedDriver(path string) {
	asker := Asker{Start: inherit}
	_, err := asker.Getattr(context.Background(), time.Hour, "client", path)
	fmt.Fprintln(os.Stderr, "the client has answered", err)
}

// client is a FUSE client whose requests the test reads and never answers, except the kernel's first one.
type client struct {
	t    *testing.T
	path string
	dev  int
}

func newClient(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, path: filepath.Join(t.TempDir(), "mount"), dev: -1}
	if err := os.Mkdir(c.path, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.dev, err = unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("test", c.path, "fuse.glusterfs", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", c.dev)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.end()
		if err := unix.Unmount(c.path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	init, buf := c.read(), make([]byte, 80)
	copy(buf[0:], []byte{80})
	copy(buf[8:], init[8:16])
	copy(buf[16:], []byte{7, 0, 0, 0, 31})
	copy(buf[36:], []byte{0, 0, 1, 0}) // max_write
	if _, err := unix.Write(c.dev, buf); err != nil {
		t.Fatal(err)
	}
	return c
}

// read reads the next request. From then on, the process that waits for the answer cannot be killed.
func (c *client) read() []byte {
	c.t.Helper()
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(c.dev, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT):
		case err != nil:
			c.t.Fatal(err)
		default:
			return buf[:n]
		}
	}
}

// takeRequests reads all requests until stop is called.
func (c *client) takeRequests() (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stopped:
				return
			default:
			}
			fds := []unix.PollFd{{Fd: int32(c.dev), Events: unix.POLLIN}}
			if n, _ := unix.Poll(fds, 1); n > 0 {
				_, _ = unix.Read(c.dev, make([]byte, 1<<17))
			}
		}
	}()
	return func() { close(stopped); <-done }
}

// end ends the file system: requests fail from then on.
func (c *client) end() {
	if c.dev != -1 {
		_ = unix.Close(c.dev)
		c.dev = -1
	}
}

// children returns the processes that ask and have not ended.
func children(t *testing.T) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, path := range paths {
		data, _ := os.ReadFile(path)
		comm, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm"))
		if slices.Contains(strings.Split(string(data), "\x00"), Argument) || strings.TrimSpace(string(comm)) == Argument { // a zombie has no arguments
			pid := 0
			if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// inherit starts a child with the environment of this process, through which tools control test binaries.
func inherit(cmd *exec.Cmd) (func(), error) {
	cmd.Env = os.Environ()
	return func() {}, cmd.Start()
}

func newAsker(t *testing.T) *Asker {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	a := &Asker{Start: inherit}
	t.Cleanup(func() {
		a.Close()
		waitFor(t, "the children's end", func() bool { return len(children(t)) == 0 })
		waitFor(t, "the end of its goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.workers)+len(a.asked) > 0 {
			t.Errorf("%d children and %d questions are kept", len(a.workers), len(a.asked))
		}
	})
	return a
}

const long = time.Minute

// deviceOf returns the device of a mounted path, without asking the client.
func deviceOf(t *testing.T, path string) mount.Device {
	t.Helper()
	top, err := mount.Top(path)
	if err != nil || top == nil {
		t.Fatalf("%+v, %v", top, err)
	}
	return mount.DeviceOf(top)
}

package unixsocket

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/dirlock"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestPath(t *testing.T) {
	for _, endpoint := range []string{"unix:///csi/csi.sock", "unix:/csi/csi.sock", "/csi/csi.sock"} {
		if path, err := Path(endpoint); err != nil || path != "/csi/csi.sock" {
			t.Errorf("Path(%q) = %q, %v", endpoint, path, err)
		}
	}
	for _, endpoint := range []string{
		"", "unix:", "unix://", "unix:///", "unix://csi.sock", "csi.sock", "unix:@abstract", "tcp://127.0.0.1:9000", "127.0.0.1:9000",
		"http:///csi.sock", "unix:///csi/../csi.sock", "/" + strings.Repeat("x", 107),
	} {
		if path, err := Path(endpoint); err == nil {
			t.Errorf("Path(%q) = %q", endpoint, path)
		}
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	leaveStale(t, path)
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	listener, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// TestListenIsForTheOwnerOnly: with any umask, only the socket's owner can connect, from the moment at which the file exists.
func TestListenIsForTheOwnerOnly(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		path := filepath.Join(t.TempDir(), "csi.sock")
		before := syscall.Umask(umask)
		listener, err := Listen(t.Context(), path)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("with umask %03o the socket has mode %v, want 0600", umask, info.Mode())
		}
	}
}

// leaveStale leaves a socket file at path that no process answers, as after kill -9.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	dead, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestListenOnce: of several drivers that find a dead driver's socket at the same time, one gets it.
func TestListenOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "csi.sock")
	for range 60 {
		leaveStale(t, path)
		listeners := make(chan net.Listener, 4)
		var starting sync.WaitGroup
		for range cap(listeners) {
			starting.Go(func() {
				if l, err := listen(t.Context(), path, 0); err == nil {
					listeners <- l
				}
			})
		}
		starting.Wait()
		if owners := len(listeners); owners != 1 {
			t.Fatalf("%d own the socket", owners)
		}
		if err := (<-listeners).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left in the directory, which the kubelet may watch: %v, %v", left, err)
	}
}

// TestListenWaits: Listen waits for another process that opens a socket in the directory, at most until its context is done.
func TestListenWaits(t *testing.T) {
	dir := t.TempDir()
	unlock, err := dirlock.Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Listen(ctx, filepath.Join(dir, "csi.sock")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is locked: %v", err)
	}
	opened := make(chan error)
	go func() {
		listener, err := Listen(t.Context(), filepath.Join(dir, "csi.sock"))
		if err == nil {
			err = listener.Close()
		}
		opened <- err
	}()
	unlock()
	if err := <-opened; err != nil {
		t.Errorf("after it was unlocked: %v", err)
	}
}

func TestListenRefusesALiveSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	live, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another process answers") {
		t.Errorf("%v", err)
	}
	question, err := live.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(question); err != nil { // until the end of the connection
		t.Error(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the live socket is gone: %v", err)
	}
	_ = conn.Close()
}

// TestListenWaitsForAChildOfADeadProcess: after SIGKILL, a child that has not executed its program yet holds the socket for a
// moment.
func TestListenWaitsForAChildOfADeadProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	go func() {
		_, _ = old.Accept() // the connection that tests whether the socket is answered
		_ = old.Close()
	}()
	now, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer now.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// TestListenKeepsWhatItCannotAsk: a socket that neither accepts nor refuses connections may be in use.
func TestListenKeepsWhatItCannotAsk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "finding out whether") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket is gone: %v", err)
	}
}

func TestListenRefusesAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("%v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "precious" {
		t.Errorf("the file is now %q, %v", content, err)
	}
}

func TestListenNamesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "csi.sock")
	if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestLongestPath(t *testing.T) {
	for length, want := range map[int]bool{107: true, 108: false} {
		if _, err := Path("/" + strings.Repeat("x", length-1)); (err == nil) != want {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

// TestListenFails: a socket that cannot be examined or removed is not replaced, and no lock is left.
func TestListenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "missing", "x.sock"):      "no such file",
		filepath.Join(dir, strings.Repeat("x", 300)): "file name too long",
		file:                          "not a socket",
		filepath.Join(file, "x.sock"): "not a directory",
	} {
		if listener, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", path, listener, err)
		}
	}
	unlock, err := dirlock.Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Listen(ctx, filepath.Join(dir, "x.sock")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another process holds the lock: %v", err)
	}
	unlock()
	before := mounttest.Descriptors(t)
	for range 3 {
		listener, err := Listen(t.Context(), filepath.Join(dir, "x.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
	}
	if after := mounttest.Descriptors(t); after > before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

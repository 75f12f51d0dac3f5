package driver

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketPath(t *testing.T) {
	for _, endpoint := range []string{"unix:///csi/csi.sock", "unix:/csi/csi.sock", "/csi/csi.sock"} {
		if path, err := SocketPath(endpoint); err != nil || path != "/csi/csi.sock" {
			t.Errorf("SocketPath(%q) = %q, %v", endpoint, path, err)
		}
	}
	for _, endpoint := range []string{
		"", "unix:", "unix://", "unix:///", "unix://csi.sock", "csi.sock", "unix:@abstract", "tcp://127.0.0.1:9000", "127.0.0.1:9000",
		"http:///csi.sock", "unix:///csi/../csi.sock", "/" + strings.Repeat("x", 107),
	} {
		if path, err := SocketPath(endpoint); err == nil {
			t.Errorf("SocketPath(%q) = %q", endpoint, path)
		}
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "csi.sock")
	dead, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
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
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the live socket is gone: %v", err)
	}
	_ = conn.Close()
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

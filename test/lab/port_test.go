package lab

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// TestHoldPort: a server can listen at a held port again and again. In between, connections are refused.
func TestHoldPort(t *testing.T) {
	port := holdPort(t)
	for _, address := range []string{port.Address(), ":" + port.Number, port.Address()} { // Heketi listens at all addresses
		if conn, err := net.Dial("tcp", port.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("without a server: %v, %v", conn, err)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", port.Address())
		if err := errors.Join(err, listener.Close()); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

// TestHeldPortIsNotChosen: in a network with few ports, programs that ask for any port get all but the held one.
func TestHeldPortIsNotChosen(t *testing.T) {
	needs.Root(t, "makes a network namespace")
	ip := needs.Program(t, "ip", "iproute2")
	const first, last = 50000, 50003
	runtime.LockOSThread() // never unlocked, so that the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(ip, "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(strconv.Itoa(first)+" "+strconv.Itoa(last)), 0); err != nil {
		t.Fatal(err)
	}
	port := holdPort(t)
	if n, _ := strconv.Atoi(port.Number); n < first || n > last {
		t.Fatalf("port %s is held, want one from %d to %d", port.Number, first, last)
	}
	chosen := map[string]bool{}
	for range 3 * (last - first) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			break
		}
		defer func() { _ = listener.Close() }()
		chosen[strings.TrimPrefix(listener.Addr().String(), "127.0.0.1:")] = true
	}
	if len(chosen) != last-first || chosen[port.Number] {
		t.Errorf("port %s is held, and %v were chosen", port.Number, chosen)
	}
}

func holdPort(t *testing.T) *Port {
	t.Helper()
	port, err := HoldPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
	return port
}

// TestMockHeketiEnded: an answer of another server does not hide that the Heketi has ended.
func TestMockHeketiEnded(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	child, err := StartChild(exec.Command("false"))
	if err != nil {
		t.Fatal(err)
	}
	<-child.Done()
	m := &MockHeketi{URL: other.URL, Log: t.TempDir() + "/log", child: child}
	if err := m.waitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "ended while it was starting") {
		t.Errorf("%v, want that it has ended", err)
	}
}

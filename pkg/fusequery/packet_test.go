package fusequery

import (
	"errors"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// connected returns both sides of a connection as between the driver and its child.
func connected(t *testing.T) (near, far *net.UnixConn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, nearErr := connection(os.NewFile(uintptr(pair[0]), "near"))
	far, farErr := connection(os.NewFile(uintptr(pair[1]), "far"))
	if err := errors.Join(nearErr, farErr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	return near, far
}

// TestLongestPacket: the longest packet arrives unchanged, and a longer one is not sent.
func TestLongestPacket(t *testing.T) {
	near, far := connected(t)
	const quotes = 2
	longest := strings.Repeat("x", maxPacket-quotes)
	if err := sendPacket(near, longest+"x", nil); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a longer one: %v", err)
	}
	if err := sendPacket(near, longest, nil); err != nil {
		t.Fatal(err)
	}
	var got string
	if file, err := receivePacket(far, make([]byte, maxPacket), &got); got != longest || file != nil || err != nil {
		t.Errorf("%d bytes, %v, %v", len(got), file, err)
	}
}

// TestPacketsWithAFile: the descriptor arrives with the packet, and is closed if the packet cannot be parsed.
func TestPacketsWithAFile(t *testing.T) {
	near, far := connected(t)
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	before, buf := mounttest.Descriptors(t), make([]byte, maxPacket)
	if err := errors.Join(sendPacket(near, answer{ID: 7}, file), sendPacket(near, "no answer", file)); err != nil {
		t.Fatal(err)
	}
	var got answer
	received, err := receivePacket(far, buf, &got)
	if err != nil || got.ID != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	if stat, err := received.Stat(); err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("%v, %v", stat, err)
	}
	if err := received.Close(); err != nil {
		t.Error(err)
	}
	if received, err := receivePacket(far, buf, &got); received != nil || err == nil {
		t.Errorf("not an answer: %v, %v", received, err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if err := errors.Join(file.Close(), far.Close()); err != nil {
		t.Fatal(err)
	}
	if err := sendPacket(near, answer{}, file); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("with a file that is closed: %v", err)
	}
}

// TestPacketsAtTheEnd: the other side has closed the connection.
func TestPacketsAtTheEnd(t *testing.T) {
	near, far := connected(t)
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, file := range []*os.File{nil, file} {
		if err := sendPacket(near, answer{}, file); !errors.Is(err, unix.EPIPE) {
			t.Errorf("sent: %v", err)
		}
	}
	var got answer
	if file, err := receivePacket(near, make([]byte, maxPacket), &got); file != nil || err == nil {
		t.Errorf("received: %v, %v", file, err)
	}
}

// TestConnection: only a unix socket is accepted.
func TestConnection(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	before := mounttest.Descriptors(t)
	file, err := dialed.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := connection(file); conn != nil || err == nil || !strings.Contains(err.Error(), "not a unix socket") {
		t.Errorf("%v, %v", conn, err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestFileIn: only a control message with a descriptor yields a file.
func TestFileIn(t *testing.T) {
	for name, oob := range map[string][]byte{"damaged": {1}, "something else": unix.UnixCredentials(&unix.Ucred{Pid: 1})} {
		if file, err := fileIn(oob); file != nil || err == nil {
			t.Errorf("%s: %v, %v", name, file, err)
		}
	}
	if file, err := fileIn(nil); file != nil || err != nil {
		t.Errorf("none: %v, %v", file, err)
	}
}

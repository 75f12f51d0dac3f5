package fuseclient

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:5DC7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:8A3C 0100007F:5DC7 01 00000000:00000000 00:00000000 00000000     0        0 2002 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:8A3E 0200007F:5DC7 02 00000001:00000000 01:00000064 00000000     0        0 2003 2 0000000000000000 100 0 0 10 -1
   3: 0100007F:8A40 0100007F:5DC7 06 00000000:00000000 03:00001234 00000000     0        0 0 3 0000000000000000
`

// TestMute: a client that has its volume file has either logged that or has connections to bricks besides the one to its server.
func TestMute(t *testing.T) {
	n := newNode(t)
	r := record{Source: source("vol"), Process: process{PID: os.Getpid()}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	mute := func(want bool, when string) {
		t.Helper()
		if got := n.isMute(r); got != want {
			t.Errorf("%s: %t", when, got)
		}
	}
	mute(true, "without a connection")
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	mute(true, "with one connection")
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	mute(false, "with two connections")
	_ = far.Close()
	_ = near.Close()
	if err := os.WriteFile(n.logPath("id-vol"), []byte("x\nFinal graph:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mute(false, "with its graph")
}

// TestConnectionsInDoubt: only the table for IPv6 may be missing.
func TestConnectionsInDoubt(t *testing.T) {
	for name, tt := range map[string]struct {
		tables []string
		want   int // -1: an error
	}{"both": {[]string{"tcp", "tcp6"}, 2}, "no IPv6": {[]string{"tcp"}, 1}, "no IPv4": {[]string{"tcp6"}, -1}, "unreadable": {[]string{"tcp", "tcp6/x"}, -1}} {
		restore := mounttest.HideProc(t)
		err := errors.Join(os.MkdirAll("/proc/7/net", 0o755), os.Mkdir("/proc/7/fd", 0o755), os.Symlink("socket:[2002]", "/proc/7/fd/3"), os.Symlink("/dev/null", "/proc/7/fd/4"))
		for _, table := range tt.tables {
			path := filepath.Join("/proc/7/net", table)
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(tcpTable), 0o600))
		}
		got, countErr := connections(process{PID: 7})
		restore()
		if err != nil {
			t.Fatal(err)
		}
		if (countErr != nil) != (tt.want < 0) || countErr == nil && got != tt.want {
			t.Errorf("%s: %d, %v; want %d", name, got, countErr, tt.want)
		}
	}
}

func TestParseConnections(t *testing.T) {
	for _, short := range []string{"a b c", "a b c 01 e f g h i\n"} {
		if got := parseConnections(short); len(got) > 0 {
			t.Errorf("%q: %q", short, got)
		}
	}
	if got := parseConnections(tcpTable); !slices.Equal(got, []string{"2002", "2003"}) {
		t.Errorf("got %q", got)
	}
}

// FuzzParseConnections: each inode is a number other than 0.
func FuzzParseConnections(f *testing.F) {
	f.Add(tcpTable)
	f.Add("a b c 01 e f g h i 18446744073709551616\n")
	f.Fuzz(func(t *testing.T, table string) {
		for _, inode := range parseConnections(table) {
			if n, err := strconv.ParseUint(inode, 10, 64); err != nil || n == 0 {
				t.Errorf("%q", inode)
			}
		}
	})
}

func TestConnections(t *testing.T) {
	count := func() int {
		t.Helper()
		n, err := connections(process{PID: os.Getpid()})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Logf("not on this machine: %v", err)
			continue
		}
		defer listener.Close()
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		before++
	}
	if after := count(); after != before {
		t.Errorf("%d connections, want %d", after, before)
	}
	if _, err := connections(process{}); err == nil {
		t.Error("no process has connections")
	}
}

// TestMuteAtEachLogLevel: a client that does not log its graph and has no connection to a brick is replaced as well.
func TestMuteAtEachLogLevel(t *testing.T) {
	for _, level := range []string{"ERROR", "CRITICAL", "NONE", "INFO"} {
		for volume, want := range map[string]string{"vol": "gluster2", "quiet": "mute"} {
			n := newNode(t)
			s := source(volume, "log-level="+level)
			s.Servers = []string{"mute", "gluster2"}
			n.cfg.StartTimeout = 5 * n.limits.mute
			err := n.Stage(t.Context(), s, n.path("staging"))
			if want == "mute" {
				if err == nil {
					t.Errorf("%s: a client that waits for silent bricks was replaced", level)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", level, err)
			}
		}
	}
}

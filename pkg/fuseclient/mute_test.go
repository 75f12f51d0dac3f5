package fuseclient

import (
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:5DC7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2001 1 0000000000000000 100 0 0 10 0
   1: 0100007F:8A3C 0100007F:5DC7 01 00000000:00000000 00:00000000 00000000     0        0 2002 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:8A3E 0200007F:5DC7 02 00000001:00000000 01:00000064 00000000     0        0 2003 2 0000000000000000 100 0 0 10 -1
   3: 0100007F:8A40 0100007F:5DC7 06 00000000:00000000 03:00001234 00000000     0        0 0 3 0000000000000000
`

func TestParseConnections(t *testing.T) {
	if got := parseConnections(tcpTable); !slices.Equal(got, []string{"2002", "2003"}) {
		t.Errorf("got %q", got)
	}
}

// FuzzParseConnections: each inode is a number that is not 0.
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

// TestMuteAtEachLogLevel: a client that does not log its graph is passed over, too, if it has not connected to bricks.
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
					t.Errorf("%s: a client that waits for silent bricks was exchanged", level)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", level, err)
			}
		}
	}
}

package fuseclient

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// TestReason uses lines from logs of glusterfs 10.3.
func TestReason(t *testing.T) {
	const shutdown = "\n[2026-11-24 18:41:03.033707 +0000] W [glusterfsd.c:1458:cleanup_and_exit] (-->/lib/libc.so.6(+0x891f5) [0x7f43e6c691f5] ) 0-: received signum (15), shutting down "
	for name, c := range map[string]struct{ log, want string }{
		"wrong volume": {`[2026-11-24 18:41:03.033018 +0000] E [glusterfsd-mgmt.c:2170:mgmt_getspec_cbk] 0-glusterfs: failed to get the 'volume file' from server
[2026-11-24 18:41:03.033055 +0000] E [glusterfsd-mgmt.c:2371:mgmt_getspec_cbk] 0-mgmt: failed to fetch volume file (key:/nope)`, `volume file not found on server: no such volume "nope"`},
		"stopped": {`[2026-11-24 18:41:02.616118 +0000] E [MSGID: 114058] [client-handshake.c:1193:client_query_portmap_cbk] 0-stopped-client-0: failed to get the port number for remote subvolume. Please run gluster volume status on server to see if brick process is running [] 
[2026-11-24 18:41:02.617130 +0000] E [fuse-bridge.c:5364:fuse_first_lookup] 0-fuse: first lookup on root failed (Transport endpoint is not connected)`, "the volume is not started, or its bricks are down (see gluster volume status)"},
		"no brick": {`[2026-11-24 18:41:02.617130 +0000] E [fuse-bridge.c:5364:fuse_first_lookup] 0-fuse: first lookup on root failed (Transport endpoint is not connected)`,
			"no brick of the volume can be reached: it is not started, its bricks are down, or their ports are blocked for this node"},
		"no TLS to a server with": {`[2026-11-24 23:27:17.640154 +0000] W [glusterfsd.c:1458:cleanup_and_exit] (-->/lib/x86_64-linux-gnu/libgfrpc.so.0(+0xf965) [0x7f8dc16aa965] -->glusterfs(+0x14639) [0x555b80cec639] -->glusterfs(cleanup_and_exit+0x57) [0x555b80ce3467] ) 0-: received signum (1), shutting down `,
			"the server accepts connections but closes them; is TLS (the secure-access marker) enabled on only one side?"},
		"certificate that servers do not know": {`[2026-11-25 02:06:03.724479 +0000] E [socket.c:224:ssl_dump_error_stack] 0-glusterfs:   error:0A000086:SSL routines::certificate verify failed
[2026-11-25 02:06:03.725067 +0000] E [rpc-clnt.c:333:saved_frames_unwind] (--> /lib/x86_64-linux-gnu/libgfrpc.so.0(rpc_transport_notify+0x23)[0x7fe6a6eda673] ))))) 0-glusterfs: forced unwinding frame type(GlusterFS Handshake) op(GETSPEC(2)) called at 2026-11-25 02:06:03.724484 +0000 (xid=0x2)
[2026-11-25 02:06:03.725078 +0000] E [glusterfsd-mgmt.c:2371:mgmt_getspec_cbk] 0-mgmt: failed to fetch volume file (key:/v1)`,
			"TLS failed: certificates and the secure-access marker on this node must match the servers'"},
		"no TLS to servers with": {`[2026-11-25 01:59:07.175752 +0000] E [rpc-clnt.c:333:saved_frames_unwind] (--> /lib/x86_64-linux-gnu/libgfrpc.so.0(rpc_transport_notify+0x23)[0x7fe6a6eda673] ))))) 0-glusterfs: forced unwinding frame type(GlusterFS Handshake) op(GETSPEC(2)) called at 2026-11-25 01:59:07.172783 +0000 (xid=0x2)
[2026-11-25 01:59:07.175772 +0000] E [glusterfsd-mgmt.c:2371:mgmt_getspec_cbk] 0-mgmt: failed to fetch volume file (key:/v1)`,
			"the server accepts connections but closes them; is TLS (the secure-access marker) enabled on only one side?"},
		"no name":           {`[2026-11-24 18:41:04.064162 +0000] E [name.c:267:af_inet_client_get_remote_sockaddr] 0-glusterfs: DNS resolution failed on host no.such.host`, "DNS resolution failed for server no.such.host"},
		"other translator":  {"[2026-11-28 17:24:05.011 +0000] E [MSGID: 101021] [graph.y:213:volume_type] 0-parser: Volume 'disk', line 2: type 'storage/posix' is not valid or not found on this machine []", "the server's volume file names the translator storage/posix, which a client does not have"},
		"unknown option":    {"glusterfs: unrecognized option '--frobnicate=1'\nTry `glusterfs --help' or `glusterfs --usage' for more information.", "this glusterfs does not know the option --frobnicate=1"},
		"empty log":         {"", ""},
		"something unknown": {"[2026-11-24 18:41:03.0 +0000] E [x.c:1:y] 0-z: the sky falls", ""},
	} {
		if got := reason(strings.Split(c.log+shutdown, "\n")); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestLastLine(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{"[2026-11-24 18:41:03.0 +0000] E [MSGID: 1] [x.c:1:y] 0-z: the sky falls\n[2026-11-24 18:41:03.1 +0000] W [glusterfsd.c:1458:cleanup_and_exit] (-->) 0-: received signum (15), shutting down ", "0-z: the sky falls"},
		{"[2026-11-24 18:41:03.0 +0000] E [x.c:1:y] 0-z: the sky falls\n[2026-11-24 18:41:03.1 +0000] E [mount-common.c:229:fuse_mnt_umount] 0-glusterfs-fuse: fuse: failed to unmount /clients/c: Operation not permitted", "0-z: the sky falls"},
		{"[2026-11-24 18:41:03.0 +0000] I [x.c:1:y] 0-z: all is well", ""},
		{"error while loading shared libraries: libgfrpc.so.0", "error while loading shared libraries: libgfrpc.so.0"},
		{"", ""},
	} {
		if got := lastLine(strings.Split(c.log, "\n")); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // as the client has it
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct{ size, want int64 }{{100, 103}, {maxLog + 1, 3}} {
		if err := file.Truncate(c.size); err != nil {
			t.Fatal(err)
		}
		if err := boundAlone(path); err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("abc"); err != nil {
			t.Fatal(err)
		}
		if info, err := file.Stat(); err != nil || info.Size() != c.want {
			t.Errorf("size %d becomes %d, want %d (%v)", c.size, info.Size(), c.want, err)
		}
	}
	if err := boundAlone(path + ".missing"); err != nil {
		t.Error(err)
	}
}

func TestTailIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100<<10)+"\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := tail(path)
	if lines[len(lines)-1] != "last" || len(lines[0]) > 64<<10 {
		t.Errorf("%d lines, the first of %d bytes, the last is %q", len(lines), len(lines[0]), lines[len(lines)-1])
	}
}

// TestHostileLog: a server, whose text the client logs, can add at most one line to an error, without control characters.
func TestHostileLog(t *testing.T) {
	hostile := "\x1b]0;x\x07\x1b[2J\u202e\xff\a" + strings.Repeat("very long ", 5_000)
	for name, got := range map[string]string{
		"a refusal": reason([]string{"SETVOLUME on remote-host failed [{remote-error=" + hostile + "}, {errno=13}]"}),
		"a name":    reason([]string{"DNS resolution failed on host " + strings.ReplaceAll(hostile, " ", "")}),
		"a warning": lastLine([]string{"[2026-11-24 18:41:03.0 +0000] E [x.c:1:y] 0-z: " + hostile}),
		"no log":    lastLine([]string{hostile}),
	} {
		if got == "" || plain.Line(got, longestReason) != got {
			t.Errorf("%s: %d bytes: %.200q", name, len(got), got)
		}
	}
}

// TestErrorsRevealNoPorts: what the client found at an address, which any user may have chosen, stays in the log; what it reports
// about the volume and its bricks is in the error.
func TestErrorsRevealNoPorts(t *testing.T) {
	for line, want := range map[string]bool{
		`0-glusterfs: DNS resolution failed on host no.such.host`:                                           true,
		`0-glusterfs: connection to 10.0.0.1:6379 failed (Connection reset by peer); disconnecting`:         true,
		`0-glusterfs:   error:0A00010B:SSL routines::wrong version number`:                                  true,
		`0-glusterfs: forced unwinding frame type(GlusterFS Handshake) op(GETSPEC(2)) called at`:            true,
		`0-: received signum (1), shutting down`:                                                            true,
		`0-v1-client-0: connection to 10.0.0.1:49152 failed (Connection refused); disconnecting`:            false,
		`0-v1-client-12:   error:0A000086:SSL routines::certificate verify failed`:                          false,
		`0-mgmt: failed to fetch volume file (key:/nope)`:                                                   false,
		`0-fuse: first lookup on root failed (Transport endpoint is not connected)`:                         false,
		`0-v1-client-0: SETVOLUME on remote-host failed [{remote-error=Authentication failed}, {errno=13}]`: false,
	} {
		if words, asked := cause([]string{line}); words == "" || asked != want {
			t.Errorf("%s: %q, %v, want %v", line, words, asked, want)
		}
	}
}

// TestMountThatWasRefused: if the node plugin cannot make a client's mount, the error names the step that failed. The client's log
// has only a number, and the consequences.
func TestMountThatWasRefused(t *testing.T) {
	m := &Manager{cfg: Config{StateDir: t.TempDir()}}
	r := record{Source: mount.Source{VolumeID: "v", Volume: "v", Servers: []string{"10.0.0.1"}}}
	if err := os.MkdirAll(filepath.Dir(m.logPath("v")), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.logPath("v"), []byte("0-glusterfs-fuse: mount of 10.0.0.1:/v to /clients/c (Operation not permitted) failed"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, refused := range map[string]error{
		"the kernel refused the mount (Operation not permitted)":                       nil,
		"cannot make the client's mount: enter the mount namespace: permission denied": errors.New("enter the mount namespace: permission denied"),
	} {
		if err := m.explain(r, r.Source.Servers, errEnded, child{refused: refused}); !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestOrderTellsNoPorts: the order in which an error names several servers does not show which of them accepted a connection.
func TestOrderTellsNoPorts(t *testing.T) {
	options, err := mount.ParseOptions([]string{"backup-volfile-servers=10.0.0.3", "server-port=6379"})
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{cfg: Config{StateDir: t.TempDir()}}
	r := record{Source: mount.Source{VolumeID: "v", Volume: "v", Servers: []string{"10.0.0.1", "10.0.0.2"}, Options: options}}
	if err := os.MkdirAll(filepath.Dir(m.logPath("v")), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.logPath("v"), []byte("0-: received signum (1), shutting down"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = m.explain(r, []string{"10.0.0.3", "10.0.0.1", "10.0.0.2"}, errors.New("exit status 1"), child{})
	public, ok := err.(interface{ Public() string })
	closed := &mount.UnreachableError{Port: 6379, Servers: m.cfg.Servers.of(r.Source), Reasons: []string{"connection refused", "connection refused", "connection refused"}}
	if !ok || public.Public() != closed.Public() || !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), brokenOff) {
		t.Errorf("%v", err)
	}
}

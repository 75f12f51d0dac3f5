package mount

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeDial knows after which time each server answers and how; a server that is missing is silent.
func fakeDial(servers map[string]struct {
	after time.Duration
	err   error
}) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		s, ok := servers[host]
		if !ok {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		select {
		case <-time.After(s.after):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if s.err != nil {
			return nil, s.err
		}
		near, far := net.Pipe()
		return near, far.Close()
	}
}

func TestOrder(t *testing.T) {
	type answer = struct {
		after time.Duration
		err   error
	}
	const ms = time.Millisecond
	refused := errors.New("connection refused")
	for name, c := range map[string]struct {
		servers string
		answers map[string]answer
		want    string
		took    time.Duration
	}{
		"all answer":          {"a b c", map[string]answer{"a": {ms, nil}, "b": {2 * ms, nil}, "c": {3 * ms, nil}}, "a b c", ms},
		"does not wait":       {"a b c", map[string]answer{"a": {ms, nil}, "b": {9 * ms, nil}}, "a b c", ms},
		"first refuses":       {"a b c", map[string]answer{"a": {ms, refused}, "b": {2 * ms, nil}, "c": {3 * ms, nil}}, "b c a", 2 * ms},
		"first silent":        {"a b c", map[string]answer{"b": {2 * ms, nil}, "c": {3 * ms, nil}}, "b c a", 12 * ms},
		"first slower":        {"a b", map[string]answer{"a": {5 * ms, nil}, "b": {ms, nil}}, "a b", 5 * ms},
		"first far away":      {"a b", map[string]answer{"a": {20 * ms, nil}, "b": {ms, nil}}, "b a", 6 * ms},
		"last only":           {"a b c", map[string]answer{"a": {ms, refused}, "c": {4 * ms, nil}}, "c b a", 24 * ms},
		"slower than silence": {"a b", map[string]answer{"b": {2000 * ms, nil}}, "b a", 2050 * ms},
		"one":                 {"a", map[string]answer{"a": {ms, nil}}, "a", ms},
		"none: refused":       {"a b", map[string]answer{"a": {ms, refused}, "b": {2 * ms, refused}}, "", 2 * ms},
		"none: silent":        {"a b", nil, "", 3000 * ms},
		"none: both":          {"a b", map[string]answer{"b": {ms, refused}}, "", 3000 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProber()
				p.Dial = fakeDial(c.answers)
				began := time.Now()
				got, err := p.Order(t.Context(), strings.Fields(c.servers), 24007)
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if diff := cmp.Diff(c.want, strings.Join(got.Servers, " ")); diff != "" {
					t.Error(diff)
				}
				if (err == nil) != (c.want != "") || err != nil && !errors.Is(err, ErrUnavailable) {
					t.Error(err)
				}
			})
		})
	}
}

func TestOrderOverTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	got, err := NewProber().Order(t.Context(), []string{"127.0.0.2", "127.0.0.1"}, port)
	if diff := cmp.Diff(Reachable{Servers: []string{"127.0.0.1", "127.0.0.2"}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, err = NewProber().Order(t.Context(), []string{"127.0.0.2"}, port)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.2: connection refused") {
		t.Error(err)
	}
}

// TestOrderClosesConnections that it has made, also those that come too late to count.
func TestOrderClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProber()
		far := make(chan net.Conn, 2)
		p.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			near, other := net.Pipe()
			far <- other
			if strings.HasPrefix(address, "b") {
				time.Sleep(time.Second)
			}
			return near, nil
		}
		if _, err := p.Order(t.Context(), []string{"a", "b"}, 24007); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		for range cap(far) {
			conn := <-far
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a connection is still open: %v", err)
			}
		}
	})
}

func TestOrderTellsIPv6Names(t *testing.T) {
	address := &net.TCPAddr{IP: net.ParseIP("fd00::1"), Port: 24007}
	for server, want := range map[string]bool{"name": true, "fd00::1": false} {
		p := NewProber()
		p.Dial = func(context.Context, string, string) (net.Conn, error) { return remoteConn{address}, nil }
		if got, err := p.Order(t.Context(), []string{server}, 24007); err != nil || got.IPv6 != want {
			t.Errorf("%s: %+v, %v", server, got, err)
		}
	}
}

type remoteConn struct{ address net.Addr }

func (c remoteConn) RemoteAddr() net.Addr           { return c.address }
func (remoteConn) Close() error                     { return nil }
func (remoteConn) LocalAddr() net.Addr              { return nil }
func (remoteConn) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (remoteConn) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (remoteConn) SetDeadline(time.Time) error      { return nil }
func (remoteConn) SetReadDeadline(time.Time) error  { return nil }
func (remoteConn) SetWriteDeadline(time.Time) error { return nil }

func TestDialReason(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "no answer"},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, "the name does not resolve"},
		{&net.DNSError{Err: "read udp 127.0.0.1:57770->127.0.0.1:53: read: connection refused"}, "the name does not resolve: read: connection refused"},
		{&net.DNSError{Err: "read udp [::1]:57770->[::1]:53: read: connection refused"}, "the name does not resolve: read: connection refused"},
		{&net.DNSError{Err: "server misbehaving"}, "the name does not resolve: server misbehaving"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connection refused"},
		{errors.New("other"), "other"},
	}
	for _, tt := range tests {
		if got := dialReason(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

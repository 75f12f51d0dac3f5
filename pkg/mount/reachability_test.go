package mount

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeLookup gives each one-letter name an address that ends with the letter's number.
func fakeLookup(_ context.Context, _, host string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, host[0]})}, nil
}

// fakeDial has a delay and an answer for each server; a missing server is silent.
func fakeDial(servers map[string]struct {
	after time.Duration
	err   error
}) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, target string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(target)
		if err != nil {
			return nil, err
		}
		address, err := netip.ParseAddr(host)
		if err != nil {
			return nil, err
		}
		s, ok := servers[string(address.AsSlice()[3:])]
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
				p.Lookup, p.Dial = fakeLookup, fakeDial(c.answers)
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

// TestOrderClosesConnections: Order closes its connections, including those that come too late to count.
func TestOrderClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProber()
		p.Lookup = fakeLookup
		far := make(chan net.Conn, 2)
		p.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			near, other := net.Pipe()
			far <- other
			if strings.HasPrefix(address, "10.0.0.98:") {
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
	six, four := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("::ffff:10.0.0.1")
	for server, want := range map[string]bool{"six": true, "four": false, "both": false, "turned": false, "fd00::1": false} {
		synctest.Test(t, func(t *testing.T) {
			p := NewProber()
			p.Lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
				return map[string][]netip.Addr{"six": {six}, "four": {four}, "both": {six, four}, "turned": {four, six}}[host], nil
			}
			p.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
				if server != "four" && !strings.HasPrefix(address, "[") {
					time.Sleep(time.Millisecond) // IPv4 is preferred even if it is slower
				}
				near, far := net.Pipe()
				return near, far.Close()
			}
			if got, err := p.Order(t.Context(), []string{server}, 24007); err != nil || got.IPv6 != want {
				t.Errorf("%s: %+v, %v", server, got, err)
			}
		})
	}
}

// TestOrderOfNames: the time that a nameserver takes does not count against the gluster servers.
func TestOrderOfNames(t *testing.T) {
	missing := &net.DNSError{Err: "no such host", IsNotFound: true}
	for name, tt := range map[string]struct {
		lookup func(ctx context.Context, host string) ([]netip.Addr, error)
		want   string
		took   time.Duration
		unsure bool
		reason string
	}{
		"the first nameserver is silent": {func(context.Context, string) ([]netip.Addr, error) {
			time.Sleep(5 * time.Second)
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		}, "a b", 5 * time.Second, false, ""},
		"all nameservers are silent": {func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "", 12 * time.Second, true, "looking up the name takes too long"},
		"no such name": {func(context.Context, string) ([]netip.Addr, error) { return nil, missing }, "", 0, false, "the name does not resolve"},
		"one address is silent": {func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.1")}, nil
		}, "a b", 0, false, ""},
		"one name": {func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "a" {
				return nil, missing
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		}, "b a", 0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProber()
				p.Lookup = func(ctx context.Context, _, host string) ([]netip.Addr, error) { return tt.lookup(ctx, host) }
				p.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
					if address != "10.0.0.1:24007" {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					near, far := net.Pipe()
					return near, far.Close()
				}
				began := time.Now()
				got, err := p.Order(t.Context(), []string{"a", "b"}, 24007)
				if took := time.Since(began); took != tt.took || strings.Join(got.Servers, " ") != tt.want {
					t.Errorf("%q after %s, want %q after %s", got.Servers, took, tt.want, tt.took)
				}
				unreachable, failed := errors.AsType[*UnreachableError](err)
				if failed != (tt.want == "") || failed && (unreachable.Unsure != tt.unsure || unreachable.Reasons[0] != tt.reason) {
					t.Errorf("%+v", unreachable)
				}
			})
		})
	}
}

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

// TestAddressesOfANameAreBounded: a nameserver cannot make a node connect to an unlimited number of addresses.
func TestAddressesOfANameAreBounded(t *testing.T) {
	var dialled atomic.Int32
	p := NewProber()
	p.Lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		addresses := make([]netip.Addr, 4000)
		for i := range addresses {
			addresses[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		}
		return addresses, nil
	}
	p.Dial = func(context.Context, string, string) (net.Conn, error) {
		dialled.Add(1)
		return nil, errors.New("connection refused")
	}
	if _, err := p.Order(t.Context(), []string{"a"}, 24007); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if n := dialled.Load(); n != mostAddresses {
		t.Errorf("%d addresses of one name were tried, want %d", n, mostAddresses)
	}
}

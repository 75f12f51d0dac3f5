package mount

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func allowed(t *testing.T, list string) *AllowedServers {
	t.Helper()
	a, err := ParseAllowedServers(strings.Fields(list))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseAllowedServers(t *testing.T) {
	for _, item := range []string{"10.0.0.0/24", "10.0.0.1", "fd00::/8", "[fd00::1]", "gluster-1", "Gluster.Example", "*.storage.example", "0.0.0.0/0", "127.0.0.0/8"} {
		if _, err := ParseAllowedServers([]string{item}); err != nil {
			t.Errorf("%q: %v", item, err)
		}
	}
	for item, says := range map[string]string{
		"": "write a network", "*": "write a network", "*.": "write a network", "a.*": "write a network", "*a.example": "write a network",
		"10.0.0.1/24": "10.0.0.0/24", "10.0.0.0/33": "write a network", "-a": "write a network", "a,b": "write a network", "a:24007": "write a network",
		"*.10.0.0.1": "write a network", "fe80::1%eth0": "write a network", "**.example": "write a network",
	} {
		if _, err := ParseAllowedServers([]string{"ok", item}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", item, err, says)
		}
	}
}

// resolving looks names up like a nameserver that an attacker may control.
func resolving(addresses map[string]string) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(ctx context.Context, _, host string) ([]netip.Addr, error) {
		switch addresses[host] {
		case "":
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		case "slow":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		var found []netip.Addr
		for address := range strings.FieldsSeq(addresses[host]) {
			found = append(found, netip.MustParseAddr(address))
		}
		return found, nil
	}
}

// TestAllowedServers: of the servers that a volume names, a client gets only those that are allowed. All dialled servers answer.
func TestAllowedServers(t *testing.T) {
	names := map[string]string{
		"a.storage.example": "10.0.0.1", "b": "10.0.0.2", "outside": "192.0.2.1", "both": "10.0.0.3 192.0.2.1", "loop": "127.0.0.1",
		"mapped": "::ffff:127.0.0.1", "link": "fe80::1", "metadata": "169.254.169.254", "half": "10.0.0.4 127.0.0.1", "loop.storage.example": "127.0.0.2",
		"slow": "slow", "slow.storage.example": "slow", "zero": "0.0.0.0",
	}
	for _, tt := range []struct {
		name, allowed, servers string
		want                   string // "refused": without a lookup; "hidden": with the same error as servers that do not answer
	}{
		{"by default any address", "", "10.0.0.1 192.0.2.1 fd00::1", "10.0.0.1 192.0.2.1 fd00::1"},
		{"by default any name", "", "b outside", "b outside"},
		{"loopback", "", "127.0.0.1", "refused"},
		{"loopback of another kind", "", "10.0.0.1 127.9.9.9", "refused"},
		{"loopback of IPv6", "", "::1", "refused"},
		{"link-local", "", "fe80::1", "refused"},
		{"the metadata of a cloud", "", "169.254.169.254", "refused"},
		{"broadcast", "", "255.255.255.255", "refused"},
		{"a name of loopback", "", "loop", "hidden"},
		{"a name of loopback as a mapped IPv6 address", "", "mapped", "hidden"},
		{"a name of link-local", "", "link", "hidden"},
		{"a name of the metadata", "", "metadata", "hidden"},
		{"a name of no address", "", "zero", "hidden"},
		{"a name of loopback besides", "", "half", "hidden"},
		{"a name of loopback behind a good server", "", "b loop", "b"},
		{"loopback that is listed", "127.0.0.0/8", "127.0.0.1 loop", "127.0.0.1 loop"},
		{"a network", "10.0.0.0/24", "10.0.0.1 b", "10.0.0.1 b"},
		{"an address", "10.0.0.1", "10.0.0.1", "10.0.0.1"},
		{"beside an address", "10.0.0.1", "10.0.0.2", "refused"},
		{"outside of the network", "10.0.0.0/24", "10.0.0.1 192.0.2.1", "refused"},
		{"a name outside of the network", "10.0.0.0/24", "outside", "hidden"},
		{"a name outside of the network besides", "10.0.0.0/24", "both", "hidden"},
		{"a name outside behind a good server", "10.0.0.0/24", "b outside both", "b"},
		{"an unknown name behind a good server", "10.0.0.0/24", "b nothing", "b"},
		{"an unknown name", "10.0.0.0/24", "nothing", "hidden"},
		{"a name without an answer behind a good server", "10.0.0.0/24", "b slow", "b"},
		{"a name without an answer", "10.0.0.0/24", "slow", "hidden"},
		{"a wildcard", "*.storage.example", "a.storage.example", "a.storage.example"},
		{"a wildcard's own name", "*.storage.example", "storage.example", "refused"},
		{"a name that ends like it", "*.storage.example", "a.evilstorage.example", "refused"},
		{"a name that goes on", "*.storage.example", "a.storage.example.evil", "refused"},
		{"an address where names are listed", "*.storage.example", "10.0.0.1", "refused"},
		{"a listed name of an address that is not", "b 192.0.2.0/24", "b", "b"},
		{"a listed name of loopback", "*.storage.example", "loop.storage.example", "hidden"},
		{"a listed name without an answer", "*.storage.example", "slow.storage.example", "unsure"},
		{"a name without an answer beside it", "*.storage.example 10.0.0.0/24", "slow.storage.example slow", "hidden"},
		{"loopback where others are listed", "10.0.0.0/24", "127.0.0.1", "refused"},
		{"everything is listed", "0.0.0.0/0", "127.0.0.1 loop outside", "127.0.0.1 loop outside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProber()
				p.Allowed, p.Lookup = allowed(t, tt.allowed), resolving(names)
				p.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
					if host, _, _ := net.SplitHostPort(address); tt.allowed == "" && isSpecial(netip.MustParseAddr(host)) {
						t.Errorf("connected to %s", address)
					}
					time.Sleep(time.Millisecond) // by then all names are looked up
					near, far := net.Pipe()
					return near, far.Close()
				}
				servers := strings.Fields(tt.servers)
				got, err := p.Order(t.Context(), servers, 24007)
				notAllowed := new(NotAllowedError)
				unreachable, hidden := errors.AsType[*UnreachableError](err)
				result := strings.Join(slices.Sorted(slices.Values(got.Servers)), " ")
				switch {
				case errors.As(err, &notAllowed):
					result = "refused"
					if !errors.Is(err, ErrInvalid) || len(err.Error()) > 300 || !strings.Contains(err.Error(), "--allowed-servers") {
						t.Error(err)
					}
				case hidden && unreachable.Unsure:
					result = "unsure" // the client gets all servers
				case hidden:
					result = "hidden"
				}
				if result != tt.want {
					t.Errorf("%s: %v", result, err)
				}
			})
		})
	}
}

// TestOtherPorts: without a list of servers, a volume cannot make the node connect to any port of any machine.
func TestOtherPorts(t *testing.T) {
	for _, tt := range []struct {
		list   string
		port   int
		passes bool
	}{
		{"", 24007, true},
		{"", 24008, false},
		{"", 22222, false},
		{"10.0.0.1", 22222, true},
		{"*.storage.example 10.0.0.1", 22222, true},
	} {
		p := NewProber()
		p.Allowed = allowed(t, tt.list)
		dialled := false
		p.Dial = func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			near, far := net.Pipe()
			return near, far.Close()
		}
		_, err := p.Order(t.Context(), []string{"10.0.0.1"}, tt.port)
		if (err == nil) != tt.passes || dialled != tt.passes {
			t.Errorf("port %d with %q: %v, connected %t", tt.port, tt.list, err, dialled)
		}
		if err != nil && (!errors.Is(err, ErrInvalid) || len(err.Error()) > 300 || !strings.Contains(err.Error(), "--allowed-servers")) {
			t.Errorf("port %d: %v", tt.port, err)
		}
	}
}

// TestErrorsRevealNothing: the error about a server does not depend on what the node found there.
func TestErrorsRevealNothing(t *testing.T) {
	said := map[string][]string{}
	for name, tt := range map[string]struct {
		address string
		dial    error
	}{
		"closed":       {"10.0.0.1", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
		"silent":       {"10.0.0.1", context.DeadlineExceeded},
		"no route":     {"10.0.0.1", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}},
		"no name":      {"", nil},
		"no answer":    {"slow", nil},
		"not allowed":  {"192.0.2.1", nil},
		"this machine": {"127.0.0.1", nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewProber()
			p.Allowed, p.Lookup = allowed(t, "10.0.0.0/24"), resolving(map[string]string{"gluster-1": tt.address})
			p.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, tt.dial }
			_, err := p.Order(t.Context(), []string{"gluster-1"}, 24007)
			unreachable, ok := errors.AsType[*UnreachableError](err)
			if !ok {
				t.Fatalf("%s: %v", name, err)
			}
			said[unreachable.Public()] = append(said[unreachable.Public()], name)
			if strings.Contains(err.Error(), unreachable.Public()) || len(unreachable.Public()) > 300 {
				t.Errorf("%s: the log has no more than %q", name, unreachable.Public())
			}
		})
	}
	// Another service answers at the port.
	other := Conceal(errors.New("breaks the connection off"), []string{"gluster-1"}, 24007).(interface{ Public() string })
	said[other.Public()] = append(said[other.Public()], "open")
	if len(said) != 1 {
		t.Errorf("an event reveals more than that no server can be reached: %q", said)
	}
}

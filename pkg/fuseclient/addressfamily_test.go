package fuseclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// TestFamilyOfTheNextServer: when the first server gives no volume file or is mute, the client uses the next one with the address
// family of that server.
func TestFamilyOfTheNextServer(t *testing.T) {
	for _, c := range []struct {
		servers string
		ipv6    bool // of the client
	}{
		{"none4 six", true}, {"none6 four", false}, {"none6 six", true}, {"mute four", false}, {"mute six", true}, {"six none4", true},
	} {
		n := newNode(t)
		addresses := map[string]string{"six": "fd00::1", "none6": "fd00::2", "four": "10.0.0.1", "none4": "10.0.0.2", "mute": "10.0.0.3"}
		n.cfg.Prober.Lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(addresses[host])}, nil
		}
		n.cfg.FetchVolfile = func(_ context.Context, server string, _ int, _ string) (string, error) {
			if strings.HasPrefix(server, "none") {
				return "", volfile.ErrNoAnswer
			}
			return volumeFile("a"), nil
		}
		s := source("vol")
		s.Servers = strings.Fields(c.servers)
		if err := n.Stage(t.Context(), s, n.path("staging")); err != nil {
			t.Errorf("%s: %v", c.servers, err)
			continue
		}
		if args := argumentsOf(t, n.known()); strings.Contains(args, "transport.address-family=inet6") != c.ipv6 {
			t.Errorf("%s: the client's arguments are %q; want IPv6: %v", c.servers, args, c.ipv6)
		}
	}
}

// TestReorderedServers: only a new first server is connected to, and only if its name can be looked up in time. A server that has
// gone meanwhile is still tried.
func TestReorderedServers(t *testing.T) {
	n := newNode(t)
	n.cfg.Prober.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	for _, c := range []struct {
		order        string
		unsure, ipv6 bool
	}{{"six gone", false, true}, {"gone six", false, false}, {"gone six", true, true}} {
		before := mount.Reachable{Servers: []string{"six", "gone"}, IPv6: true, Unsure: c.unsure}
		got := n.reordered(t.Context(), source("vol"), before, strings.Fields(c.order))
		if diff := cmp.Diff(mount.Reachable{Servers: strings.Fields(c.order), IPv6: c.ipv6, Unsure: c.unsure}, got); diff != "" {
			t.Errorf("%s: %s", c.order, diff)
		}
	}
}

package mount

import (
	"slices"
	"strings"
	"testing"
)

func TestServersOfClients(t *testing.T) {
	const inet6 = "--xlator-option=transport.address-family=inet6"
	for _, c := range []struct {
		servers string
		ipv6    bool
		major   int
		port    string
		want    string
	}{
		{"gluster1 10.0.0.1", false, 0, "", "gluster1 10.0.0.1"},
		{"gluster1 fd00::2", true, 10, "", "gluster1 fd00::2 " + inet6},
		{"fd00::1 fd00::2", false, 10, "", "fd00::1 fd00::2"},
		{"fd00::1 fd00::2", false, 11, "", "fd00::1:24007 fd00::2:24007 " + inet6},
		{"fd00::1 fd00::2", false, 11, "server-port=2410", "fd00::1:2410 fd00::2:2410 " + inet6},
		{"fd00::2410", false, 10, "server-port=2410", "fd00::2410"},
		{"10.0.0.1 fd00::2", false, 11, "", "10.0.0.1 fd00::2:24007"},
		{"gluster1 fd00::2", true, 12, "", "gluster1 fd00::2:24007 " + inet6},
	} {
		servers := strings.Fields(c.servers)
		options, err := ParseOptions(strings.Fields(c.port))
		if err != nil {
			t.Fatal(err)
		}
		r := Reachable{Servers: servers, IPv6: c.ipv6}
		args := r.ClientArgs(options.Port(), c.major)
		got := strings.ReplaceAll(strings.Join(args, " "), "--volfile-server=", "")
		if got != c.want {
			t.Errorf("version %d, servers %s, first over IPv6: %v: %q, want %s", c.major, c.servers, c.ipv6, got, c.want)
		}
		if again, ok := ReadClientArgs(slices.Concat(args, options.ClientArgs(), []string{"--volfile-id=/vol"})); !ok || !slices.Equal(again.Servers, servers) {
			t.Errorf("servers of a client with %s: %q", got, again.Servers)
		}
		if got, want := r.VersionMatters(), strings.Contains(c.servers, ":"); got != want {
			t.Errorf("the version matters for %s: %v", c.servers, got)
		}
	}
}

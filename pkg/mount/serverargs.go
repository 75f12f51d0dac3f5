package mount

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// portInServer is the first major version of GlusterFS whose client takes the text after the last colon of a server for the port.
const portInServer = 11

// ClientArgs returns the arguments that name the servers to a client of a major version. IPv6 addresses have no brackets.
//
// Since GlusterFS 11, the client parses fd00::1 as host "fd00:" and port 1, so an IPv6 address needs a port. It also connects to
// all servers over IPv4 unless told otherwise (glusterfsd.c, glusterfsd-mgmt.c). Earlier clients recognize an IPv6 address and do
// not accept a port there.
func (r Reachable) ClientArgs(port, major int) []string {
	var args []string
	ipv6 := r.IPv6
	for i, server := range r.Servers {
		if major >= portInServer && isIPv6(server) {
			server += ":" + strconv.Itoa(port)
			ipv6 = ipv6 || i == 0
		}
		args = append(args, "--volfile-server="+server)
	}
	if ipv6 {
		args = append(args, "--xlator-option=transport.address-family=inet6")
	}
	return args
}

// VersionMatters reports whether ClientArgs depends on the version of the client.
func (r Reachable) VersionMatters() bool { return slices.ContainsFunc(r.Servers, isIPv6) }

// withoutPort removes the port that ClientArgs added to an IPv6 address. An address among the arguments of a client before
// GlusterFS 11 has no port, but its last group may equal the port, and is then removed. The usual port, 24007, is too long for a
// group.
func withoutPort(server string, port int) string {
	address, found := strings.CutSuffix(server, ":"+strconv.Itoa(port))
	if ip, err := netip.ParseAddr(address); found && err == nil && ip.Is6() {
		return address
	}
	return server
}

// isIPv6 reports whether a server is an IPv6 address: names and IPv4 addresses have no colon.
func isIPv6(server string) bool { return strings.Contains(server, ":") }

package mount

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// MostServers is how many servers a volume may name: several times as many as gluster clusters have, and few enough to ask all of
// them at once.
const MostServers = 128

var errManyServers = fmt.Errorf("more than %d servers are named; a few of the volume's servers are enough, the client learns the others from them", MostServers)

// ParseServers parses a comma-separated list of GlusterFS servers: host names, IPv4 addresses, and IPv6 addresses with or without
// brackets. It drops duplicates and keeps the order. Ports are not allowed: the mount flag server-port sets glusterd's port. The
// error wraps ErrInvalid.
func ParseServers(list string) ([]string, error) {
	var servers []string
	for item := range strings.SplitSeq(list, ",") {
		server, err := parseServer(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("%w: servers %q: %w", ErrInvalid, list, err)
		}
		if !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
		if len(servers) > MostServers {
			return nil, fmt.Errorf("%w: %w; see %s", ErrInvalid, errManyServers, serversPage)
		}
	}
	return servers, nil
}

// serversPage is the document that describes lists of servers.
const serversPage = "docs/parameters.md#servers-of-a-volume"

// hostName is strict enough that a server is safe anywhere on a command line: it never starts with a dash.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$`)

// numeric matches the last part of names that no nameserver resolves, but that the client's resolver takes for IPv4 addresses:
// 0x7f.1 is 127.0.0.1.
var numeric = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)

func parseServer(s string) (string, error) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		var closed bool
		if inner, closed = strings.CutSuffix(inner, "]"); !closed || !strings.Contains(inner, ":") {
			return "", fmt.Errorf("%q: brackets are only for an IPv6 address, without a port", s)
		}
	}
	if addr, err := netip.ParseAddr(inner); err == nil {
		addr = addr.Unmap()
		if addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return "", fmt.Errorf("%q is not the address of a server", s)
		}
		return addr.String(), nil
	}
	name := strings.ToLower(s)
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case name == "":
		return "", errors.New("a server's name is empty")
	case strings.Contains(name, ":"):
		return "", fmt.Errorf("%q is neither a host name nor an address: separate servers by commas, without ports", s)
	case len(name) > 253 || !hostName.MatchString(name) || numeric.MatchString(last):
		return "", fmt.Errorf("%q is neither a host name nor an address", s)
	}
	return name, nil
}

func bracket(server string) string {
	if strings.Contains(server, ":") {
		return "[" + server + "]"
	}
	return server
}

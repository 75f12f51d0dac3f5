package mount

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// AllowedServers are the servers that volumes may name: with nothing listed all but those that are this node itself, or that are
// beside it on the link. A client obeys the server that it asks, so that whoever may write PersistentVolumes must not choose any.
type AllowedServers struct {
	networks []netip.Prefix
	names    []string // "*.storage.example" stands for all names that end in .storage.example
}

// ParseAllowedServers reads networks (10.0.0.0/24), addresses, names, and names with a wildcard in place of the first part
// (*.storage.example). The error says what to write.
func ParseAllowedServers(list []string) (*AllowedServers, error) {
	allowed := &AllowedServers{}
	for _, item := range list {
		item = strings.ToLower(strings.TrimSpace(item))
		if network, err := netip.ParsePrefix(item); err == nil {
			if network != network.Masked() {
				return nil, fmt.Errorf("%w: %q: the network of this address is %s", ErrInvalid, item, network.Masked())
			}
			allowed.networks = append(allowed.networks, network)
			continue
		}
		name, wildcard := strings.CutPrefix(item, "*.")
		server, err := parseServer(name)
		address, addressErr := netip.ParseAddr(server)
		switch {
		case err != nil || wildcard && addressErr == nil:
			return nil, fmt.Errorf("%w: %q: write a network as in 10.0.0.0/24, an address, a name, or a name as in *.storage.example", ErrInvalid, item)
		case addressErr == nil:
			allowed.networks = append(allowed.networks, netip.PrefixFrom(address, address.BitLen()))
		default:
			allowed.names = append(allowed.names, strings.TrimSuffix(item, name)+server)
		}
	}
	return allowed, nil
}

// NotAllowedError is returned for a server that a volume must not name, by the server's own text. It wraps ErrInvalid.
type NotAllowedError struct{ Server string }

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("%v: server %q is not allowed on this node; name another, or have the administrator list it in --allowed-servers "+
		"(chart: node.allowedServers), loopback and link-local as well; see %s", ErrInvalid, plain.Line(e.Server, 60), allowedPage)
}

func (e *NotAllowedError) Unwrap() error { return ErrInvalid }

// allowedPage is where the rules are described.
const allowedPage = "docs/parameters.md#allowed-servers"

// errResolvesElsewhere is why a name is not used. It tells what a nameserver answered.
var errResolvesElsewhere = errors.New("the name resolves to an address that is not allowed (--allowed-servers)")

// check refuses servers that are not allowed by their own text: what they resolve to is for checkAddresses.
func (a *AllowedServers) check(servers []string) error {
	if a == nil {
		return nil
	}
	for _, server := range servers {
		if address, err := netip.ParseAddr(server); err == nil && !a.allowsAddress(address) {
			return &NotAllowedError{Server: server}
		}
		if len(a.networks) == 0 && a.needsAddress(server) {
			return &NotAllowedError{Server: server} // no address could make it allowed
		}
	}
	return nil
}

// checkPort refuses other ports than glusterd's own unless servers are listed: the node would knock at any port of any machine for
// whoever may write PersistentVolumes.
func (a *AllowedServers) checkPort(port int) error {
	if a == nil || port == glusterdPort || a.listsAny() {
		return nil
	}
	return fmt.Errorf("%w: mount flag volfile-server-port=%d: a volume may name no port but %d unless the administrator lists the gluster servers in "+
		"--allowed-servers (chart: node.allowedServers); see %s", ErrInvalid, port, glusterdPort, allowedPage)
}

// needsAddress reports whether the server is a name that only its addresses can allow.
func (a *AllowedServers) needsAddress(server string) bool {
	if a == nil || !a.listsAny() {
		return false
	}
	_, err := netip.ParseAddr(server)
	return err != nil && !a.listsName(server)
}

// listsName reports whether a name is listed.
func (a *AllowedServers) listsName(server string) bool {
	return slices.ContainsFunc(a.names, func(pattern string) bool {
		suffix, wildcard := strings.CutPrefix(pattern, "*")
		return server == pattern || wildcard && len(server) > len(suffix) && strings.HasSuffix(server, suffix)
	})
}

// checkAddresses refuses a name with any address that is not allowed: the client looks the name up itself and may take each.
func (a *AllowedServers) checkAddresses(server string, addresses []netip.Addr) error {
	if a == nil {
		return nil
	}
	needs := a.needsAddress(server)
	for _, address := range addresses {
		if needs && !a.allowsAddress(address) || !needs && isSpecial(address.Unmap()) && !a.lists(address) {
			return errResolvesElsewhere
		}
	}
	return nil
}

func (a *AllowedServers) allowsAddress(address netip.Addr) bool {
	if !a.listsAny() {
		return !isSpecial(address.Unmap())
	}
	return a.lists(address)
}

func (a *AllowedServers) listsAny() bool { return len(a.networks)+len(a.names) > 0 }

func (a *AllowedServers) lists(address netip.Addr) bool {
	return slices.ContainsFunc(a.networks, func(network netip.Prefix) bool { return network.Contains(address.Unmap()) })
}

// isSpecial reports whether an address is this node, or whatever is beside it: services that trust the node answer there, such as
// the metadata of a cloud.
func isSpecial(address netip.Addr) bool {
	return address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified() || address.IsMulticast() ||
		address == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

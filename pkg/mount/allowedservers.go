package mount

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// AllowedServers holds the servers that volumes may name. If the list is empty, volumes may name all servers except loopback and
// link-local addresses. A client trusts the server that it asks, so the author of a PersistentVolume must not be able to choose
// an arbitrary server.
type AllowedServers struct {
	networks []netip.Prefix
	names    []string // "*.storage.example" matches all names that end in .storage.example
}

// ParseAllowedServers parses networks (10.0.0.0/24), addresses, names, and names with a wildcard as their first part
// (*.storage.example). The error names the allowed forms.
func ParseAllowedServers(list []string) (*AllowedServers, error) {
	allowed := &AllowedServers{}
	for _, item := range list {
		item = strings.ToLower(strings.TrimSpace(item))
		if network, err := netip.ParsePrefix(item); err == nil {
			if network != network.Masked() {
				return nil, fmt.Errorf("%w: %q: write %s for the network, or %s for the address alone", ErrInvalid, item, network.Masked(), network.Addr())
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

// NotAllowedError is returned for a server that a volume must not name, if that is known without a lookup. It wraps ErrInvalid.
type NotAllowedError struct{ Server string }

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("%v: server %q is not allowed on this node; name another, or ask the administrator to list it in --allowed-servers "+
		"(chart: node.allowedServers); loopback and link-local addresses are allowed only if listed; see %s", ErrInvalid, plain.Line(e.Server, 60), allowedPage)
}

func (e *NotAllowedError) Unwrap() error { return ErrInvalid }

// allowedPage is the document that describes the rules.
const allowedPage = "docs/parameters.md#allowed-servers"

// errResolvesElsewhere is the reason why a name is not used. It reveals a nameserver's answer, so no Public message contains it.
var errResolvesElsewhere = errors.New("the name resolves to an address that is not allowed (--allowed-servers)")

// check returns an error for a server that can be refused without a lookup. checkAddresses checks the addresses of a name.
func (a *AllowedServers) check(servers []string) error {
	if a == nil {
		return nil
	}
	for _, server := range servers {
		if address, err := netip.ParseAddr(server); err == nil && !a.allowsAddress(address) {
			return &NotAllowedError{Server: server}
		}
		if len(a.networks) == 0 && a.needsAddress(server) {
			return &NotAllowedError{Server: server} // no address could make the name allowed
		}
	}
	return nil
}

// checkPort refuses ports other than glusterd's own unless servers are listed: otherwise the author of a PersistentVolume could
// make the node connect to any port of any machine.
func (a *AllowedServers) checkPort(port int) error {
	if a == nil || port == glusterdPort || a.listsAny() {
		return nil
	}
	return fmt.Errorf("%w: mount flag volfile-server-port=%d: a volume may name no port but %d unless the administrator lists the gluster servers in "+
		"--allowed-servers (chart: node.allowedServers); see %s", ErrInvalid, port, glusterdPort, allowedPage)
}

// needsAddress reports whether the server is a name that is not listed, so that only its addresses can make it allowed.
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

// checkAddresses refuses a name if any of its addresses is not allowed: the client looks the name up itself and may use any of
// them.
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

// isSpecial reports whether an address is a loopback, link-local, multicast or broadcast address. Services that trust the node
// listen at such addresses, for example the metadata service of a cloud.
func isSpecial(address netip.Addr) bool {
	return address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified() || address.IsMulticast() ||
		address == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

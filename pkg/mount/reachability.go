package mount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Prober sorts servers by whether their glusterd can be reached. The client tries servers strictly in order and loses 3 s at one
// that refuses and 42 s at one that is silent, so the order determines how long a mount takes.
type Prober struct {
	Lookup      func(ctx context.Context, network, host string) ([]netip.Addr, error)
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	Grace       time.Duration   // the longest wait for earlier servers after a later one has answered; see patience
	Limit       time.Duration   // how long a server may take to answer
	LookupLimit time.Duration   // how long the lookup of a name may take; Limit begins afterwards
	Allowed     *AllowedServers // nil: any server
}

// NewProber returns a Prober that connects over TCP.
func NewProber() Prober {
	return Prober{
		Lookup: net.DefaultResolver.LookupNetIP,
		Dial:   (&net.Dialer{}).DialContext,
		Grace:  50 * time.Millisecond, // enough for a server on another continent
		Limit:  3 * time.Second,       // enough for one lost SYN, which is sent again after 1 s
		// Enough for two silent nameservers, for each of which the resolver waits 5 s (resolv.conf(5), timeout).
		LookupLimit: 12 * time.Second,
	}
}

// Reachable is a sorted server list.
type Reachable struct {
	Servers []string
	// IPv6 is set if the first server is a name and was reached over IPv6. By default, the client looks names up as IPv4.
	IPv6 bool
	// Unsure is set by a caller of Order that uses the servers in the given order because UnreachableError.Unsure is set. Order
	// does not set it.
	Unsure bool
}

// UnreachableError is returned by Order when no server could be reached. It wraps ErrUnavailable.
type UnreachableError struct {
	Port    int
	Servers []string
	Reasons []string // one for each server
	// Unsure is set if the addresses of a server were not found in time. A client waits longer for the addresses, and may then
	// reach the server.
	Unsure bool
}

// Error lists all servers.
func (e *UnreachableError) Error() string {
	each := make([]string, len(e.Servers))
	for i, server := range e.Servers {
		each[i] = server + ": " + e.Reasons[i]
	}
	return fmt.Sprintf("%v: no GlusterFS server can be reached on port %d (%s); check that glusterd runs there and that this node may connect",
		ErrUnavailable, e.Port, strings.Join(each, "; "))
}

func (e *UnreachableError) Unwrap() error { return ErrUnavailable }

// Public returns the error without the reasons for each server.
func (e *UnreachableError) Public() string { return publicReason(e.Servers, e.Port) }

// publicReason returns the message for users who may not know the node's network. It is the same for an unknown name, an address
// that is not allowed, a closed port, a silent one, and one at which another service answers: otherwise the author of a
// PersistentVolume could scan the node's network.
func publicReason(servers []string, port int) string {
	return fmt.Sprintf("%v: no GlusterFS server can be reached (%s): none is allowed and answers as glusterd on port %d. Check names, glusterd, "+
		"firewalls, and TLS at both sides; the node plugin's log has the reasons; see %s",
		ErrUnavailable, plain.Line(strings.Join(servers, ", "), 80), port, unreachablePage)
}

const unreachablePage = "docs/troubleshooting.md#no-server-can-be-reached"

// Conceal returns err with a Public message that reveals no more than that of an UnreachableError. It is for errors of a client
// whose servers are possibly not servers of the volume.
func Conceal(err error, servers []string, port int) error {
	return &concealedError{error: err, public: publicReason(servers, port)}
}

type concealedError struct {
	error
	public string
}

func (e *concealedError) Unwrap() error { return e.error }

// Public returns the part of the error that may be revealed.
func (e *concealedError) Public() string { return e.public }

// Order sorts the servers: first those that answered, then those that may still answer, then those that refused; each group is in
// the given order. It returns as soon as a server has answered and all servers before it have refused. If a server has answered
// and an earlier one is silent, Order waits for the earlier one only for a grace time. It returns an UnreachableError if none
// answers within the limits, a NotAllowedError if a server is not allowed, and ErrInvalid if the port is not allowed. If only a
// server's addresses show that the server is not allowed, Order leaves that server out.
func (p Prober) Order(ctx context.Context, servers []string, port int) (Reachable, error) {
	if err := p.Allowed.checkPort(port); err != nil {
		return Reachable{}, err
	}
	if err := p.Allowed.check(servers); err != nil {
		return Reachable{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unchecked := p.unchecked(servers)
	found := p.collect(p.ask(ctx, servers, port, unchecked), len(servers), func(found []answer) bool {
		best := slices.IndexFunc(found, func(a answer) bool { return a.state != refused })
		return best >= 0 && found[best].state == reached
	})
	first := slices.IndexFunc(found, answer.ok)
	if first < 0 {
		unreachable := &UnreachableError{Port: port, Servers: servers, Unsure: slices.ContainsFunc(found, answer.unsure)}
		for i := range servers { // a client that is started although Unsure is set would ask every server
			unreachable.Unsure = unreachable.Unsure && !unchecked[i].Load()
		}
		for _, a := range found {
			unreachable.Reasons = append(unreachable.Reasons, dialReason(a.err))
		}
		return Reachable{}, unreachable
	}
	r := Reachable{IPv6: found[first].ipv6 && !strings.Contains(servers[first], ":")}
	for _, want := range []state{reached, unknown, refused} {
		for i, server := range servers {
			if found[i].state == want && !unchecked[i].Load() {
				r.Servers = append(r.Servers, server)
			}
		}
	}
	return r, nil
}

// collect waits for n answers, each with its index. It stops when the function enough returns true, or when the missing answers
// have taken too long since the first success.
func (p Prober) collect(answers <-chan answer, n int, enough func([]answer) bool) []answer {
	began := time.Now()
	found := make([]answer, n)
	var grace <-chan time.Time
	for range n {
		select {
		case a := <-answers:
			found[a.index] = a
			if a.ok() && grace == nil {
				grace = time.After(p.patience(time.Since(began)))
			}
		case <-grace:
			return found
		}
		if enough(found) {
			return found
		}
	}
	return found
}

// patience returns how long to wait for servers further up the list after another one has answered. A server that takes several
// times as long is not better, so a silent server does not cost the whole grace time on a fast network.
func (p Prober) patience(first time.Duration) time.Duration {
	return min(p.Grace, max(5*time.Millisecond, 5*first))
}

type state int

const (
	unknown state = iota
	reached
	refused
)

// answer is the answer of one server.
type answer struct {
	index int
	state state
	ipv6  bool
	err   error
}

func (a answer) ok() bool { return a.state == reached }

func (a answer) onIPv4() bool { return a.ok() && !a.ipv6 }

func (a answer) unsure() bool { return errors.Is(a.err, errLookup) }

// errLookup is returned when the addresses of a name were not found in time.
var errLookup = errors.New("looking up the name takes too long")

// ask connects to all servers at once and delivers one answer for each.
func (p Prober) ask(ctx context.Context, servers []string, port int, unchecked []atomic.Bool) <-chan answer {
	answers := make(chan answer, len(servers))
	for i, server := range servers {
		go func() {
			addresses, err := p.Addresses(ctx, server)
			if err == nil {
				err = p.Allowed.checkAddresses(server, addresses)
				unchecked[i].Store(err != nil)
				addresses = addresses[:min(len(addresses), mostAddresses)]
			}
			if err != nil {
				answers <- answer{index: i, state: refused, err: err}
				return
			}
			a := p.connect(ctx, addresses, port)
			a.index = i
			answers <- a
		}()
	}
	return answers
}

// Addresses returns the addresses of a server, within LookupLimit.
func (p Prober) Addresses(ctx context.Context, server string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(server); err == nil {
		return []netip.Addr{address}, nil
	}
	limited, cancel := context.WithTimeout(ctx, p.LookupLimit)
	defer cancel()
	addresses, err := p.Lookup(limited, "ip", server)
	if err != nil && limited.Err() != nil {
		return nil, errLookup
	}
	return addresses, err
}

// unchecked returns a mark for each server, which is set while the client must not use the server. The mark is set from the start
// if the server can be allowed only because of its addresses. The method ask changes the mark when it has the addresses.
func (p Prober) unchecked(servers []string) []atomic.Bool {
	unchecked := make([]atomic.Bool, len(servers))
	for i, server := range servers {
		unchecked[i].Store(p.Allowed.needsAddress(server))
	}
	return unchecked
}

// mostAddresses is how many addresses of one name are tried, so that a nameserver cannot make this node connect to thousands.
const mostAddresses = 16

// connect tries all addresses of a server at once. If addresses of both families answer, the answer is the IPv4 one, which the
// client uses by default. If no address answers, the answer is that of the first address, so that the error is the same each
// time.
func (p Prober) connect(ctx context.Context, addresses []netip.Addr, port int) answer {
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	answers := make(chan answer, len(addresses))
	for i, address := range addresses {
		go func() {
			address := address.Unmap()
			conn, err := p.Dial(ctx, "tcp", net.JoinHostPort(address.String(), strconv.Itoa(port)))
			if err != nil {
				answers <- answer{index: i, state: refused, err: err}
				return
			}
			_ = conn.Close()
			answers <- answer{index: i, state: reached, ipv6: address.Is6()}
		}()
	}
	found := p.collect(answers, len(addresses), func(found []answer) bool { return slices.ContainsFunc(found, answer.onIPv4) })
	for _, best := range []func(answer) bool{answer.onIPv4, answer.ok} {
		if i := slices.IndexFunc(found, best); i >= 0 {
			return found[i]
		}
	}
	return found[0]
}

// dialReason returns the error without addresses that the message already has.
func dialReason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name does not resolve"
	case errors.As(err, &dns):
		return "the name does not resolve: " + withoutPorts(dns.Err)
	case errors.As(err, &op) && op.Timeout():
		return "no answer"
	case errors.As(err, &op):
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	}
	return err.Error()
}

// withoutPorts removes a prefix such as "read udp 10.0.0.1:57770->10.0.0.2:53: ". The first port differs each time: with it,
// Kubernetes would take each repetition of an event for a new event.
func withoutPorts(dns string) string {
	if _, behind, found := strings.Cut(dns, "->"); found {
		if _, reason, found := strings.Cut(behind, ": "); found {
			return reason
		}
	}
	return dns
}

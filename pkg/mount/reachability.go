package mount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prober sorts servers by whether their glusterd can be reached. The client tries servers strictly in order and
// loses 3 s at one that refuses and 42 s at one that is silent, so the order decides how long a mount takes.
type Prober struct {
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Grace time.Duration // how long earlier servers may at most still answer once a later one has; see patience
	Limit time.Duration // how long the first answer may take
}

// NewProber probes over TCP.
func NewProber() Prober {
	// The limit leaves room for one lost SYN (sent again after 1 s); the grace for a server on another continent.
	return Prober{Dial: (&net.Dialer{}).DialContext, Grace: 50 * time.Millisecond, Limit: 3 * time.Second}
}

// Reachable is a server list, sorted.
type Reachable struct {
	Servers []string
	// IPv6: the first server is a name and was reached over IPv6. The client looks names up as IPv4, unless told.
	IPv6 bool
}

// Order sorts: the servers that answered in the given order, then those that might, then those that refused. It
// returns as soon as the first answers, and an error that wraps ErrUnavailable when none does within the limit.
func (p Prober) Order(ctx context.Context, servers []string, port int) (Reachable, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	found := make([]answer, len(servers))
	began := time.Now()
	answers := p.ask(ctx, servers, port)
	var grace <-chan time.Time
collect:
	for range servers {
		select {
		case a := <-answers:
			found[a.index] = a
			if a.state == reached && grace == nil {
				grace = time.After(p.patience(time.Since(began)))
			}
		case <-grace:
			break collect
		}
		best := slices.IndexFunc(found, func(a answer) bool { return a.state != refused })
		if best >= 0 && found[best].state == reached {
			break
		}
	}
	first := slices.IndexFunc(found, func(a answer) bool { return a.state == reached })
	if first < 0 {
		reasons := make([]string, len(servers))
		for i, server := range servers {
			reasons[i] = server + ": " + dialReason(found[i].err)
		}
		return Reachable{}, fmt.Errorf("%w: no GlusterFS server can be reached on port %d (%s); check that glusterd runs there and that this node may connect",
			ErrUnavailable, port, strings.Join(reasons, "; "))
	}
	r := Reachable{IPv6: found[first].ipv6 && !strings.Contains(servers[first], ":")}
	for _, want := range []state{reached, unknown, refused} {
		for i, server := range servers {
			if found[i].state == want {
				r.Servers = append(r.Servers, server)
			}
		}
	}
	return r, nil
}

// patience is how long servers further up the list are waited for after another has answered. One that takes several
// times as long is no better than it, so that a silent server does not cost the whole grace on a fast network.
func (p Prober) patience(first time.Duration) time.Duration {
	return min(p.Grace, max(5*time.Millisecond, 5*first))
}

type state int

const (
	unknown state = iota
	reached
	refused
)

// answer of one server.
type answer struct {
	index int
	state state
	ipv6  bool
	err   error
}

// ask connects to all servers at once and delivers one answer for each.
func (p Prober) ask(ctx context.Context, servers []string, port int) <-chan answer {
	answers := make(chan answer, len(servers))
	for i, server := range servers {
		go func() {
			conn, err := p.Dial(ctx, "tcp", net.JoinHostPort(server, strconv.Itoa(port)))
			if err != nil {
				answers <- answer{index: i, state: refused, err: err}
				return
			}
			addr, ok := conn.RemoteAddr().(*net.TCPAddr)
			_ = conn.Close()
			answers <- answer{index: i, state: reached, ipv6: ok && addr.IP.To4() == nil}
		}()
	}
	return answers
}

// dialReason is the error without addresses that the message has already.
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

// withoutPorts takes "read udp 10.0.0.1:57770->10.0.0.2:53: " from the beginning. The first port is another each time: with
// it, Kubernetes would take each repetition of an event for a new one.
func withoutPorts(dns string) string {
	if _, behind, found := strings.Cut(dns, "->"); found {
		if _, reason, found := strings.Cut(behind, ": "); found {
			return reason
		}
	}
	return dns
}

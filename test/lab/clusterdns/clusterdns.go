// Package clusterdns answers DNS queries for the names of Services, as the DNS of a cluster does: NAME.NAMESPACE.svc.cluster.local has
// the Service's address. It knows no other names.
package clusterdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ErrNotFound is returned by a Lookup for a Service that does not exist.
var ErrNotFound = errors.New("no such Service")

// Lookup returns the IPv4 address of a Service.
type Lookup func(ctx context.Context, namespace, name string) (netip.Addr, error)

// timeToLive of answers, in seconds: a Service that was made anew has another address.
const timeToLive = 1

// Serve answers the queries that arrive at a socket, until ctx ends.
func Serve(ctx context.Context, socket net.PacketConn, lookup Lookup) error {
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	packet := make([]byte, 512) // queries are no longer: RFC 1035, 4.2.1
	for {
		n, from, err := socket.ReadFrom(packet)
		if ctx.Err() != nil {
			return nil // it was closed for that
		}
		if err != nil {
			return err
		}
		query := append([]byte(nil), packet[:n]...)
		go func() {
			if reply, err := answer(ctx, query, lookup); err == nil {
				_, _ = socket.WriteTo(reply, from) // who gets none asks again
			}
		}()
	}
}

// answer fails for what is no query.
func answer(ctx context.Context, query []byte, lookup Lookup) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil || header.Response {
		return nil, errors.Join(errors.New("not a query"), err)
	}
	question, err := p.Question()
	if err != nil {
		return nil, err
	}
	reply := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{question},
	}
	address, err := resolve(ctx, question.Name.String(), lookup)
	switch {
	case errors.Is(err, ErrNotFound):
		reply.RCode = dnsmessage.RCodeNameError
	case err != nil:
		reply.RCode = dnsmessage.RCodeServerFailure
	case question.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: timeToLive},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	return reply.Pack()
}

func resolve(ctx context.Context, name string, lookup Lookup) (netip.Addr, error) {
	labels, ours := strings.CutSuffix(strings.ToLower(name), ".svc.cluster.local.")
	service, namespace, complete := strings.Cut(labels, ".")
	if !ours || !complete || strings.Contains(namespace, ".") {
		return netip.Addr{}, ErrNotFound
	}
	address, err := lookup(ctx, namespace, service)
	if err == nil && !address.Is4() {
		err = fmt.Errorf("service %s/%s has the address %s, want one of IPv4", namespace, service, address)
	}
	return address, err
}

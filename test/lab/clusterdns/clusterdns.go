// Package clusterdns answers DNS queries for the names of Services as a cluster's DNS does: NAME.NAMESPACE.svc.cluster.local
// resolves to the Service's address. Other names do not resolve.
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

// timeToLive is the lifetime of answers in seconds: a Service that was recreated has another address.
const timeToLive = 1

// Serve answers the queries that arrive at a socket, until ctx ends.
func Serve(ctx context.Context, socket net.PacketConn, lookup Lookup) error {
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	packet := make([]byte, 512) // queries have at most 512 bytes: RFC 1035, 4.2.1
	for {
		n, from, err := socket.ReadFrom(packet)
		if ctx.Err() != nil {
			return nil // the socket was closed because ctx ended
		}
		if err != nil {
			return err
		}
		query := append([]byte(nil), packet[:n]...)
		go func() {
			if reply, err := answer(ctx, query, lookup); err == nil {
				_, _ = socket.WriteTo(reply, from) // a client without an answer asks again
			}
		}()
	}
}

// answer returns the reply to a query. It fails if the packet is not a query.
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

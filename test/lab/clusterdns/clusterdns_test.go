package clusterdns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	socket, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() {
		served <- Serve(ctx, socket, func(_ context.Context, namespace, name string) (netip.Addr, error) {
			switch namespace + "/" + name {
			case "storage/heketi":
				return netip.MustParseAddr("10.96.3.4"), nil
			case "storage/six":
				return netip.MustParseAddr("fd00::1"), nil
			}
			return netip.Addr{}, ErrNotFound
		})
	}()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	for name, want := range map[string]string{
		"heketi.storage.svc.cluster.local.": "10.96.3.4",
		"HEKETI.Storage.svc.cluster.local.": "10.96.3.4",
		"other.storage.svc.cluster.local.":  "no such host",
		"a.b.storage.svc.cluster.local.":    "no such host",
		"storage.svc.cluster.local.":        "no such host",
		"heketi.storage.svc.":               "no such host",
		"heketi.storage.svc.other.example.": "no such host",
		"six.storage.svc.cluster.local.":    "server misbehaving",
		"heketi.other.svc.cluster.local.":   "no such host",
	} {
		addresses, err := resolver.LookupHost(t.Context(), name)
		got := strings.Join(addresses, " ")
		if dns, ok := errors.AsType[*net.DNSError](err); ok {
			got = dns.Err
		}
		if got != want {
			t.Errorf("%s: %q, want %q (%v)", name, got, want, err)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06heketi\x07storage\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, query []byte) {
		reply, err := answer(t.Context(), query, func(context.Context, string, string) (netip.Addr, error) {
			return netip.MustParseAddr("10.96.3.4"), nil
		})
		if err == nil && len(reply) < 12 {
			t.Errorf("the reply %x is shorter than a header", reply)
		}
	})
}

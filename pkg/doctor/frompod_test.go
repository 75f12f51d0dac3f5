package doctor

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// network maps addresses of a storage network to servers that listen on the loopback interface.
type network map[string]net.Addr

// listen starts a server on a port.
func (n network) listen(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	n[address] = listener.Addr()
}

func (n network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	if listener := n[address]; listener != nil {
		return (&net.Dialer{}).DialContext(ctx, kind, listener.String())
	}
	return nil, &net.OpError{Op: "dial", Net: kind, Err: unix.ECONNREFUSED}
}

func (n network) prober() *mount.Prober {
	p := mount.NewProber()
	p.Dial = n.dial
	p.Lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if host == "gluster-1" {
			return []netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("10.0.0.1")}, nil
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return &p
}

func TestFromPod(t *testing.T) {
	const certificates = "unless its volume requires certificates"
	for name, tt := range map[string]struct {
		listens  string // space-separated addresses
		server   string
		severity report.Severity
		says     []string
	}{
		"closed":            {"10.0.0.1:22 10.0.0.1:49151 10.0.0.1:61000 10.0.0.2:24007", "10.0.0.1", report.OK, []string{"port 24007", "(11848 of 11848 were tried)"}},
		"glusterd":          {"10.0.0.1:24007", "10.0.0.1", report.Warning, []string{"port 24007, on which glusterd lists all volumes"}},
		"the first brick":   {"10.0.0.1:49152", "10.0.0.1", report.Warning, []string{"port 49152", certificates}},
		"the last brick":    {"10.0.0.1:60999", "10.0.0.1", report.Warning, []string{"port 60999", certificates}},
		"both":              {"10.0.0.1:24007 10.0.0.1:55000", "10.0.0.1", report.Warning, []string{"port 24007", "port 55000", certificates}},
		"a name":            {"10.0.0.1:55000", "gluster-1", report.Warning, []string{"port 55000"}},
		"an IPv6 address":   {"[fd00::1]:24007", "fd00::1", report.Warning, []string{"port 24007"}},
		"a name of nothing": {"", "gluster-2", report.Warning, []string{"no such host"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := network{}
			for address := range strings.FieldsSeq(tt.listens) {
				n.listen(t, address)
			}
			found := Run(t.Context(), Config{FromPod: []string{tt.server}, Prober: n.prober()})
			if len(found) != 1 || found[0].Severity != tt.severity || found[0].Check != "pod-reaches-gluster" || found[0].Subject != "gluster server "+tt.server ||
				(found[0].Remedy == "") != (tt.severity == report.OK) {
				t.Fatalf("%+v", found)
			}
			for _, says := range tt.says {
				if !strings.Contains(found[0].Message, says) {
					t.Errorf("%q does not have %q", found[0].Message, says)
				}
			}
		})
	}
}

// TestFromPodBehindASilentFirewall: each port takes a second, but all ports together no more than a minute, and the number of
// concurrent connections is bounded.
func TestFromPodBehindASilentFirewall(t *testing.T) {
	for servers, tt := range map[int]struct {
		says string
		took time.Duration
	}{
		1:   {"(11848 of 11848 were tried)", 25 * time.Second},
		128: {" of 11848 were tried)", time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int64
			p := mount.NewProber()
			p.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				n := now.Add(1)
				defer now.Add(-1)
				for before := most.Load(); n > before && !most.CompareAndSwap(before, n); before = most.Load() {
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}
			list := make([]string, 0, servers)
			for i := range servers {
				list = append(list, "10.0.0."+strconv.Itoa(i))
			}
			began := time.Now()
			found := Run(t.Context(), Config{FromPod: list, Prober: &p})
			if took := time.Since(began); took != tt.took {
				t.Errorf("%d servers take %s, want %s", servers, took, tt.took)
			}
			if len(found) != servers || found[0].Severity != report.OK || !strings.Contains(found[0].Message, tt.says) {
				t.Errorf("%d servers: %+v", servers, found[:1])
			}
			if most.Load() != mostDials {
				t.Errorf("%d servers: %d connections at once, want %d", servers, most.Load(), mostDials)
			}
		})
	}
}

// TestFromPodAsDocumented: docs/doctor.md shows the report on one server that pods can reach, and one that they cannot.
func TestFromPodAsDocumented(t *testing.T) {
	n := network{}
	n.listen(t, "10.0.0.1:24007")
	n.listen(t, "10.0.0.1:49152")
	var out bytes.Buffer
	if err := report.WriteText(&out, Run(t.Context(), Config{FromPod: []string{"10.0.0.1", "10.0.0.2"}, Prober: n.prober()})); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(documents.Page(t, "doctor.md"), "```console\n"+out.String()+"```") {
		t.Errorf("docs/doctor.md does not show\n%s", out.String())
	}
}

// TestFromPodWithoutFiles: ports that could not be tried are not reported as closed.
func TestFromPodWithoutFiles(t *testing.T) {
	p := mount.NewProber()
	p.Dial = func(_ context.Context, kind, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: unix.EMFILE}
	}
	found := Run(t.Context(), Config{FromPod: []string{"10.0.0.1"}, Prober: &p})
	if len(found) != 1 || found[0].Severity != report.Warning || !strings.Contains(found[0].Message, "no port could be tried") {
		t.Errorf("%+v", found)
	}
}

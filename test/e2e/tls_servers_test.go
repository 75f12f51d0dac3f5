package e2e

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// The certificate files that Debian's GlusterFS reads, and the file that makes glusterd speak TLS.
const (
	certificatesDir = "/usr/lib/ssl"
	markerFile      = "secure-access"
)

// coverStorage gives each storage machine a certificate, until the test ends.
func coverStorage(t *testing.T, a *certificates.Authority) {
	t.Helper()
	for i := 1; i <= lab.StorageNodes; i++ {
		m := cluster.Lab().Storage(i)
		on := func(ctx context.Context, command ...string) {
			t.Helper()
			if out, err := m.Command(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%q on %s: %v: %s", command, m.Name, err, out)
			}
		}
		on(t.Context(), "mount", "--bind", a.Issue(m.Name), certificatesDir)
		t.Cleanup(func() { on(context.Background(), "umount", certificatesDir) })
	}
}

// glusterdWithTLS restarts glusterd on all storage machines, with TLS until the test ends. No volume may exist, because running
// bricks would not find their glusterd again.
func glusterdWithTLS(t *testing.T) {
	t.Helper()
	if volumes := strings.Fields(gluster(t, "volume", "list")); len(volumes) > 0 {
		t.Fatalf("glusterd cannot be changed under the volumes %q", volumes)
	}
	markers := make([]string, lab.StorageNodes)
	for i := range markers {
		markers[i] = filepath.Join(cluster.Lab().Dir(), cluster.Lab().Storage(i+1).Name, "glusterd", markerFile)
	}
	t.Cleanup(func() {
		for _, marker := range markers {
			if err := os.Remove(marker); err != nil {
				t.Error(err)
			}
		}
		restartGlusterd(t)
	})
	for _, marker := range markers {
		ok(t, os.WriteFile(marker, nil, 0o600))
	}
	restartGlusterd(t)
}

// restartGlusterd restarts glusterd on all storage machines, and waits until all peers are connected again.
func restartGlusterd(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	for i := 1; i <= lab.StorageNodes; i++ {
		if err := cluster.Lab().Storage(i).RestartGlusterd(ctx); err != nil {
			t.Error(err)
		}
	}
	eventually(t, func() error {
		for i := 1; i <= lab.StorageNodes; i++ {
			m := cluster.Lab().Storage(i)
			out, err := m.Command(ctx, "gluster", "--mode=script", "pool", "list").CombinedOutput()
			if err != nil || strings.Count(string(out), "Connected") != lab.StorageNodes {
				return fmt.Errorf("%s sees %w\n%s", m.Name, err, out)
			}
		}
		return nil
	})
}

// brickAddresses returns the addresses at which the bricks of a volume listen.
func brickAddresses(t *testing.T, volume string) []string {
	t.Helper()
	var answer struct {
		Processes []struct {
			Host   string `xml:"hostname"`
			Path   string `xml:"path"`
			Port   string `xml:"port"`
			Status string `xml:"status"`
		} `xml:"volStatus>volumes>volume>node"`
	}
	ok(t, xml.Unmarshal([]byte(gluster(t, "volume", "status", volume, "--xml")), &answer))
	var addresses []string
	for _, p := range answer.Processes {
		if strings.HasPrefix(p.Path, "/") && p.Status == "1" { // not the self-heal daemons
			addresses = append(addresses, net.JoinHostPort(p.Host, p.Port))
		}
	}
	if want := len(mustGluster(t, volume).Bricks); len(addresses) != want {
		t.Fatalf("volume %s has bricks at %q, want %d", volume, addresses, want)
	}
	return addresses
}

// wantsOurCertificate checks that a server speaks TLS only with clients that have a certificate of the authority.
func wantsOurCertificate(t *testing.T, address string, a *certificates.Authority, files string) {
	t.Helper()
	if err := handshake(t, address, tlsClient(t, a, files)); err != nil {
		t.Errorf("%s does not speak TLS: %v", address, err)
	}
	anonymous := tlsClient(t, a, files)
	anonymous.Certificates = nil
	if err := handshake(t, address, anonymous); err == nil {
		t.Errorf("%s accepts a client without a certificate", address)
	}
	stranger := certificates.NewAuthority(t)
	other := tlsClient(t, a, files)
	other.Certificates = tlsClient(t, stranger, stranger.Issue("nodes")).Certificates
	if err := handshake(t, address, other); err == nil {
		t.Errorf("%s accepts a client whose certificate is of another authority", address)
	}
}

// tlsClient returns the TLS configuration of a client with issued files, for servers of the same authority. It does not check the
// servers' names.
func tlsClient(t *testing.T, a *certificates.Authority, files string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(files, certificates.CertificateFile), filepath.Join(files, certificates.KeyFile))
	ok(t, err)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection does
		VerifyConnection: func(state tls.ConnectionState) error {
			return state.PeerCertificates[0].CheckSignatureFrom(a.Certificate)
		},
	}
}

// handshake also reads for a second: with TLS 1.3, a server may refuse the certificate after the client's handshake has
// succeeded.
func handshake(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	plain, err := cluster.Lab().DialContext(t.Context(), "tcp", address)
	if err != nil {
		return err
	}
	conn := tls.Client(plain, config)
	defer func() { _ = conn.Close() }()
	if err := conn.HandshakeContext(t.Context()); err != nil {
		return err
	}
	ok(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	if _, err := conn.Read(make([]byte, 1)); err != nil && !os.IsTimeout(err) {
		return err
	}
	return nil
}

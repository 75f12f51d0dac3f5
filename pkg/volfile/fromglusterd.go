package volfile

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// FromServer fetches a volume's file from the glusterd of a server, with TLS if this machine's clients use TLS for glusterd. It
// waits at most 3 seconds.
func FromServer(ctx context.Context, server string, port int, volume string) (string, error) {
	const limit = 3 * time.Second // as for the probe of servers: enough for one lost packet
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := dial(ctx, net.JoinHostPort(server, strconv.Itoa(port)), "/")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer conn.Close()
	return Fetch(ctx, conn, volume)
}

// dial connects like a client whose root directory is root.
func dial(ctx context.Context, address, root string) (net.Conn, error) {
	if _, err := os.Stat(filepath.Join(root, "var/lib/glusterd/secure-access")); errors.Is(err, os.ErrNotExist) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	config, err := tlsConfig(root)
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
}

// tlsConfig reads GlusterFS's TLS files (SSL_CERT_PATH, which differs between distributions). Like a client, it accepts every
// name that the authority has signed: servers, not clients, check names (auth.ssl-allow).
func tlsConfig(root string) (*tls.Config, error) {
	var errs []error
	for _, dir := range []string{"usr/lib/ssl", "etc/ssl"} {
		path := func(name string) string { return filepath.Join(root, dir, "glusterfs."+name) }
		authorities, err := os.ReadFile(path("ca"))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		pair, err := tls.LoadX509KeyPair(path("pem"), path("key"))
		if err != nil {
			return nil, fmt.Errorf("read %s and %s: %w", path("pem"), path("key"), err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("%s has no certificate", path("ca"))
		}
		return &tls.Config{
			MinVersion:         tls.VersionTLS12,
			Certificates:       []tls.Certificate{pair},
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies all but the name
			VerifyConnection: func(state tls.ConnectionState) error {
				return verify(state.PeerCertificates, roots)
			},
		}, nil
	}
	return nil, errors.Join(errs...)
}

func verify(chain []*x509.Certificate, roots *x509.CertPool) error {
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

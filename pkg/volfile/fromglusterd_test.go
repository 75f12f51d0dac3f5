package volfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile/volfiletest"
)

// TestFromServer fetches a file over TCP.
func TestFromServer(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = volfiletest.Serve(server, func() string { return good }) }()
	port := server.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of a TCP listener
	if file, err := FromServer(t.Context(), "127.0.0.1", port, "vol"); err != nil || file != good {
		t.Errorf("%v, %q", err, file)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := FromServer(t.Context(), "127.0.0.1", port, "vol"); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
}

// selfSigned writes GlusterFS's TLS files below root: a certificate without host names that is its own authority.
func selfSigned(t *testing.T, root string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"etc/ssl/glusterfs.pem":          {Type: "CERTIFICATE", Bytes: der},
		"etc/ssl/glusterfs.ca":           {Type: "CERTIFICATE", Bytes: der},
		"etc/ssl/glusterfs.key":          {Type: "PRIVATE KEY", Bytes: private},
		"var/lib/glusterd/secure-access": {Type: "X"},
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, pem.EncodeToMemory(block), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestDialWithTLS: TLS is used if clients use it, whatever name the server has; a server that the authority has not signed is
// refused.
func TestDialWithTLS(t *testing.T) {
	root := t.TempDir()
	for name, certificate := range map[string]tls.Certificate{"": selfSigned(t, root), "unknown authority": selfSigned(t, t.TempDir())} {
		server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = volfiletest.Serve(server, func() string { return good }) }()
		conn, err := dial(t.Context(), server.Addr().String(), root)
		if (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			if file, err := Fetch(t.Context(), conn, "vol"); err != nil || file != good {
				t.Errorf("%v, %q", err, file)
			}
			_ = conn.Close()
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLSFilesInDoubt: the error names the file.
func TestTLSFilesInDoubt(t *testing.T) {
	for file, content := range map[string]string{"glusterfs.ca": "", "glusterfs.key": "x", "glusterfs.pem": "x"} {
		root := t.TempDir()
		selfSigned(t, root)
		if err := os.WriteFile(filepath.Join(root, "etc/ssl", file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dial(t.Context(), "127.0.0.1:1", root); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
		if err := os.RemoveAll(filepath.Join(root, "etc")); err != nil {
			t.Fatal(err)
		}
		if _, err := dial(t.Context(), "127.0.0.1:1", root); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without files: %v", err)
		}
	}
}

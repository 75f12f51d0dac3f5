package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// authority signs certificates. Its own lies in file.
type authority struct {
	*testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, file: filepath.Join(t.TempDir(), "ca.crt")}
	template := certificateTemplate()
	template.Subject.CommonName = "test authority"
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.certificate, a.key = template, a.newKey()
	der := a.sign(template, a.key)
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.writePEM(a.file, "CERTIFICATE", der)
	return a
}

// issue makes the certificate and key of a server on the loopback interface.
func (a *authority) issue() (certFile, keyFile string) {
	a.Helper()
	dir := a.TempDir()
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	template := certificateTemplate()
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key := a.newKey()
	a.writePEM(certFile, "CERTIFICATE", a.sign(template, key))
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.Fatal(err)
	}
	a.writePEM(keyFile, "EC PRIVATE KEY", der)
	return certFile, keyFile
}

func certificateTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	return key
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		a.Fatal(err)
	}
	return der
}

func (a *authority) writePEM(path, kind string, der []byte) {
	a.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.Fatal(err)
	}
}

// TestHeketiWithTLS talks to a Heketi that has a certificate of a private authority.
func TestHeketiWithTLS(t *testing.T) {
	server := labtest.MockHeketi(t)
	plain := server.URL
	right, wrong := newAuthority(t), newAuthority(t)
	certFile, keyFile := right.issue()
	if err := server.UseTLS(t.Context(), certFile, keyFile, right.file); err != nil {
		t.Fatal(err)
	}
	c := newController(t, "url: "+server.URL, "caFile: "+right.file)

	v := c.mustCreate("pvc-tls", nil)
	id := strings.TrimPrefix(v.GetVolumeId(), "mock/")
	if found := volumesIn(t, server); !strings.Contains(found, id) {
		t.Errorf("Heketi has %q, want %s", found, id)
	}

	c.configure("url: "+server.URL, "caFile: "+wrong.file)
	_, err := c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, `heketi "mock"`, "unknown authority", "set the backend's caFile")
	c.configure("url: " + server.URL)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "unknown authority", "set the backend's caFile")
	c.configure("url: " + plain)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "HTTP request to an HTTPS server", "url must begin with https")
	c.configure("url: "+strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "caFile: "+right.file)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "certificate does not fit the backend's url")
	if found := volumesIn(t, server); strings.Count(found, "Id:") != 1 {
		t.Errorf("Heketi has %q, want one volume", found)
	}

	// The authority is exchanged in its file, as cert-manager does, and Heketi's certificate after it.
	c.configure("url: "+server.URL, "caFile: "+right.file)
	again := c.mustCreate("pvc-tls", nil)
	if again.GetVolumeId() != v.GetVolumeId() {
		t.Errorf("the volume was %s and is %s", v.GetVolumeId(), again.GetVolumeId())
	}
	next := newAuthority(t)
	certFile, keyFile = next.issue()
	if err := server.UseTLS(t.Context(), certFile, keyFile, next.file); err != nil {
		t.Fatal(err)
	}
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "unknown authority")
	content, err := os.ReadFile(next.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(right.file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	c.mustDelete(v.GetVolumeId())
	if found := volumesIn(t, server); strings.TrimSpace(found) != "" {
		t.Errorf("Heketi has %q, want none", found)
	}
}

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates, valid while the tests run.
type authority struct {
	*testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := certificateTemplate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &authority{T: t, certificate: template, key: newKey(t)}
	var err error
	a.certificate, err = x509.ParseCertificate(a.sign(template, a.key))
	ok(t, err)
	return a
}

func certificateTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return key
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	ok(a.T, err)
	return der
}

// pem is the authority's own certificate.
func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// The files that GlusterFS reads; Heketi is told their names.
const (
	certificateFile = "glusterfs.pem"
	keyFile         = "glusterfs.key"
	authorityFile   = "glusterfs.ca"
)

// issue makes the three files of a machine in a directory of their own. A server that is asked by address needs the address.
func (a *authority) issue(name string, addresses ...net.IP) (dir string) {
	a.Helper()
	dir = a.TempDir()
	template := certificateTemplate(name)
	template.IPAddresses = addresses
	key := newKey(a.T)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ok(a.T, err)
	for file, content := range map[string]string{
		certificateFile: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.sign(template, key)})),
		keyFile:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		authorityFile:   a.pem(),
	} {
		ok(a.T, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o400))
	}
	return dir
}

// client is how somebody with issued files speaks TLS to servers of the same authority, whose names are not looked at.
func (a *authority) client(dir string) *tls.Config {
	a.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile))
	ok(a.T, err)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection does
		VerifyConnection: func(state tls.ConnectionState) error {
			return state.PeerCertificates[0].CheckSignatureFrom(a.certificate)
		},
	}
}

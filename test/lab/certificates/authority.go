// Package certificates makes a certificate authority for one test, and the certificates that it signs. They are valid for an
// hour, and their files are removed with the test.
package certificates

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
	"testing"
	"time"
)

// Authority signs certificates, valid while the tests run.
type Authority struct {
	t *testing.T
	// Certificate is the authority's own certificate.
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns an authority that no other test trusts.
func NewAuthority(t *testing.T) *Authority {
	t.Helper()
	template := certificateTemplate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &Authority{t: t, Certificate: template}
	a.key = a.newKey()
	var err error
	a.Certificate, err = x509.ParseCertificate(a.sign(template, a.key))
	a.ok(err)
	return a
}

// The files of a machine, under the names that GlusterFS uses.
const (
	CertificateFile = "glusterfs.pem"
	KeyFile         = "glusterfs.key"
	AuthorityFile   = "glusterfs.ca"
)

// Issue makes the three files of a machine in a separate directory. A server that clients reach by address needs the address.
func (a *Authority) Issue(name string, addresses ...net.IP) (dir string) {
	a.t.Helper()
	template := certificateTemplate(name)
	template.IPAddresses = addresses
	return a.issue(template)
}

// IssueNames makes the three files of a server that clients reach by these names.
func (a *Authority) IssueNames(names ...string) (dir string) {
	a.t.Helper()
	template := certificateTemplate(names[0])
	template.DNSNames = names
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) (dir string) {
	a.t.Helper()
	key := a.newKey()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	a.ok(err)
	dir = a.t.TempDir()
	for file, block := range map[string]*pem.Block{
		CertificateFile: {Type: "CERTIFICATE", Bytes: a.sign(template, key)},
		KeyFile:         {Type: "PRIVATE KEY", Bytes: private},
		AuthorityFile:   {Type: "CERTIFICATE", Bytes: a.Certificate.Raw},
	} {
		a.ok(os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o400))
	}
	return dir
}

// PEM returns the authority's own certificate.
func (a *Authority) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw}))
}

func certificateTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.ok(err)
	return key
}

func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key.Public(), a.key)
	a.ok(err)
	return der
}

func (a *Authority) ok(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

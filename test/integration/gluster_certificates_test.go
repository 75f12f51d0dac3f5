package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Where Debian's GlusterFS looks for its certificate, key and authorities, and for the sign that glusterd speaks TLS.
const (
	certificatesDir = "/usr/lib/ssl"
	markerDir       = "/var/lib/glusterd"
	markerFile      = "secure-access"
)

// glusterAuthority signs certificates of machines.
type glusterAuthority struct {
	*rig
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (r *rig) newAuthority() *glusterAuthority {
	r.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.ok(err, "make a key")
	template := certificateTemplate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a := &glusterAuthority{rig: r, certificate: template, key: key}
	a.certificate, err = x509.ParseCertificate(a.sign(template, key))
	r.ok(err, "read the authority's certificate")
	return a
}

func certificateTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func (a *glusterAuthority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	a.ok(err, "sign a certificate")
	return der
}

// issue makes the three files of a machine, in a directory as a Secret is mounted.
func (a *glusterAuthority) issue(name string) (dir string) {
	a.Helper()
	dir = a.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.ok(err, "make a key")
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	a.ok(err, "write a key")
	for file, block := range map[string]*pem.Block{
		"glusterfs.pem": {Type: "CERTIFICATE", Bytes: a.sign(certificateTemplate(name), key)},
		"glusterfs.key": {Type: "PRIVATE KEY", Bytes: secret},
		"glusterfs.ca":  {Type: "CERTIFICATE", Bytes: a.certificate.Raw},
	} {
		a.ok(os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o400), "write "+file)
	}
	return dir
}

// cover mounts a directory of the host over one of the machine's, for this machine alone, until the test ends.
func (r *rig) cover(m *lab.Machine, over, dir string) {
	r.Helper()
	_, err := r.command(m, "mount", "--bind", dir, over)
	r.ok(err, "cover "+over)
	r.Cleanup(func() {
		_, err := r.command(m, "umount", over)
		r.ok(err, "uncover "+over)
	})
}

// marker makes a directory with the marker alone.
func (r *rig) marker() (dir string) {
	r.Helper()
	dir = r.TempDir()
	r.ok(os.WriteFile(filepath.Join(dir, markerFile), nil, 0o400), "write the marker")
	return dir
}

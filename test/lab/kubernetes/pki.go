package kubernetes

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
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// Names of certificates, keys and kubeconfigs in the cluster's directory.
const (
	caName                = "ca"
	serverName            = "server" // for all servers on the hub
	adminName             = "admin"
	controllerManagerName = "kube-controller-manager"
	schedulerName         = "kube-scheduler"
	proxyName             = "kube-proxy"
	tokensName            = "service-account-tokens" // the key that signs tokens
)

func (c *Cluster) certFile(name string) string { return c.path(name + ".crt") }
func (c *Cluster) keyFile(name string) string  { return c.path(name + ".key") }

// authority signs the cluster's certificates.
type authority struct {
	cluster *Cluster
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// identity describes the subject of a certificate. A client's name and groups are its user and groups in Kubernetes.
type identity struct {
	file   string
	user   string
	groups []string
	// names and addresses of a server.
	names     []string
	addresses []string
}

const (
	validBefore = time.Hour // clocks differ between machines
	validAfter  = 365 * 24 * time.Hour
)

// makePKI makes an authority and all certificates of the cluster.
func (c *Cluster) makePKI() error {
	ca, err := c.newAuthority()
	if err != nil {
		return err
	}
	identities := []identity{
		{
			file: serverName, user: "kube-apiserver",
			names:     []string{"localhost", machine.Hub, "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			addresses: []string{machine.HubIP, "127.0.0.1", serviceIP},
		},
		{file: adminName, user: "admin", groups: []string{"system:masters"}},
		{file: controllerManagerName, user: "system:kube-controller-manager"},
		{file: schedulerName, user: "system:kube-scheduler"},
		{file: proxyName, user: "system:kube-proxy"},
	}
	for _, node := range c.AllNodes() {
		identities = append(identities, identity{
			file: node.Name, user: "system:node:" + node.Name, groups: []string{"system:nodes"},
			names: []string{node.Name}, addresses: []string{node.Machine.IP},
		})
	}
	for _, id := range identities {
		if err := ca.issue(id); err != nil {
			return err
		}
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(c.keyFile(tokensName), key)
}

func (c *Cluster) newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: time.Now().Add(-validBefore), NotAfter: time.Now().Add(validAfter),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca := &authority{cluster: c, cert: template, key: key}
	if err := ca.sign(template, key, caName); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(c.certFile(caName))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	ca.cert, err = x509.ParseCertificate(block.Bytes)
	return ca, err
}

func (a *authority) issue(id identity) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: id.user, Organization: id.groups},
		NotBefore: time.Now().Add(-validBefore), NotAfter: time.Now().Add(validAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:    id.names,
	}
	for _, address := range id.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	return a.sign(template, key, id.file)
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey, file string) error {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := writePEM(a.cluster.certFile(file), "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(a.cluster.keyFile(file), key)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

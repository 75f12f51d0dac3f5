package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// serviceIP is the first service address, which belongs to the service "kubernetes". The hub has this address, too, so that
// machines without a kube-proxy can also reach the API server there.
const (
	serviceIP    = "10.96.0.1"
	apiServerURL = "https://" + machine.HubIP + ":443"
	etcdURL      = "http://127.0.0.1:2379"
)

// routes makes the hub forward packets for pods and for its own services.
func (c *Cluster) routes(ctx context.Context) error {
	hub := c.lab.Hub()
	for _, ip := range []string{serviceIP, dnsIP} {
		if err := run(hub.Command(ctx, "ip", "addr", "replace", ip+"/32", "dev", "lo")); err != nil {
			return err
		}
	}
	for _, node := range c.AllNodes() {
		pods, err := machine.PodNetworkOf(node.Machine.IP)
		if err != nil {
			return err
		}
		if err := run(hub.Command(ctx, "ip", "route", "replace", pods.String(), "via", node.Machine.IP)); err != nil {
			return err
		}
	}
	return nil
}

// Services lists the cluster's processes by the names that labctl uses: "etcd", "node1/kubelet".
func (c *Cluster) Services() map[string]*lab.Service {
	all := map[string]*lab.Service{}
	for _, s := range []*lab.Service{c.Etcd(), c.APIServer(), c.ControllerManager(), c.Scheduler()} {
		all[s.Name()] = s
	}
	if c.lab.BareStorage() {
		all[dnsName] = c.DNS()
	}
	for _, node := range c.AllNodes() {
		for _, s := range []*lab.Service{node.Containerd(), node.Kubelet(), node.Proxy()} {
			all[node.Name+"/"+s.Name()] = s
		}
	}
	return all
}

// Etcd is the cluster's database.
func (c *Cluster) Etcd() *lab.Service {
	return c.lab.Hub().Service(lab.Program{
		Name: "etcd",
		Args: []string{
			c.Tool("etcd"), "--data-dir=" + c.path("etcd"), "--listen-client-urls=" + etcdURL, "--advertise-client-urls=" + etcdURL,
			"--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync",
		},
		Ready: c.answers(etcdURL + "/readyz"),
	})
}

// APIServer is the Kubernetes API.
func (c *Cluster) APIServer() *lab.Service {
	return c.lab.Hub().Service(lab.Program{
		Name: "kube-apiserver",
		Args: []string{
			c.Tool("kube-apiserver"), "--etcd-servers=" + etcdURL,
			"--secure-port=443", "--advertise-address=" + machine.HubIP, "--service-cluster-ip-range=" + machine.ServiceNetwork,
			"--tls-cert-file=" + c.certFile(serverName), "--tls-private-key-file=" + c.keyFile(serverName),
			"--client-ca-file=" + c.certFile(caName),
			"--kubelet-certificate-authority=" + c.certFile(caName),
			"--kubelet-client-certificate=" + c.certFile(adminName), "--kubelet-client-key=" + c.keyFile(adminName),
			"--kubelet-preferred-address-types=InternalIP",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + c.keyFile(tokensName), "--service-account-signing-key-file=" + c.keyFile(tokensName),
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
			"--audit-policy-file=" + c.path(auditPolicy), "--audit-log-path=" + c.AuditLog(),
		},
		Ready: c.answers(apiServerURL + "/readyz"),
	})
}

// AuditLog returns the file to which the API server writes each request of a pod, as files/audit.yaml specifies.
func (c *Cluster) AuditLog() string {
	return filepath.Join(c.layout().LogDir(machine.Hub), "audit.log")
}

const auditPolicy = "audit.yaml"

// ControllerManager exits if it cannot reach the API server for too long; the lab starts it again.
func (c *Cluster) ControllerManager() *lab.Service {
	return c.component(controllerManagerName, "10257",
		"--use-service-account-credentials=true", "--service-account-private-key-file="+c.keyFile(tokensName),
		"--root-ca-file="+c.certFile(caName),
		// Pods use the networks in the nodes' own configuration.
		"--allocate-node-cidrs=false",
		// With the default of 20 requests a second, the first ServiceAccount, which every pod needs, takes seconds to appear.
		"--kube-api-qps=500", "--kube-api-burst=1000")
}

// Scheduler exits if it cannot reach the API server for too long; the lab starts it again.
func (c *Cluster) Scheduler() *lab.Service { return c.component(schedulerName, "10259") }

func (c *Cluster) component(name, port string, args ...string) *lab.Service {
	kubeconfig := c.kubeconfigFile(name)
	return c.lab.Hub().Service(lab.Program{
		Name: name,
		Args: append([]string{
			c.Tool(name), "--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=" + port,
			"--tls-cert-file=" + c.certFile(serverName), "--tls-private-key-file=" + c.keyFile(serverName),
		}, args...),
		Ready:   c.answers("https://127.0.0.1:" + port + "/healthz"),
		Respawn: true,
	})
}

// answers returns a function that requests url from the hub, with the administrator's certificate.
func (c *Cluster) answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := c.HTTPClient()
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, resp.Status)
		}
		return nil
	}
}

// APIServerURL returns the API server's address on the lab's network.
func (c *Cluster) APIServerURL() string { return apiServerURL }

// HTTPClient returns a client that reaches the lab's network from the host. It authenticates as the cluster's administrator if a
// server requests a certificate.
func (c *Cluster) HTTPClient() (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile(adminName), c.keyFile(adminName))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.certFile(caName))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New(c.certFile(caName) + " holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{
		DialContext:     c.lab.DialContext,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}, nil
}

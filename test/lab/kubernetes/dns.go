package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/clusterdns"
)

// dnsIP is the DNS server's address for pods: clusterDNS in files/kubelet.yaml. The hub has it.
const (
	dnsIP      = "10.96.0.10"
	dnsAddress = dnsIP + ":53"
)

// dnsName is the name of the service, and of the labctl command that runs it.
const dnsName = "dns"

// DNS returns the service that resolves the names of Services for pods. It runs if the storage machines are bare nodes: there,
// clients of a Heketi in the cluster use its name.
func (c *Cluster) DNS() *lab.Service {
	return c.lab.Hub().Service(lab.Program{Name: dnsName, Args: c.lab.LabctlArgs(dnsName), Ready: c.resolves, Respawn: true})
}

// resolves queries the Service that every cluster has.
func (c *Cluster) resolves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return c.lab.DialContext(ctx, "udp", dnsAddress)
	}}
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	return err
}

// ServeDNS answers DNS queries on the hub until ctx is done.
func (c *Cluster) ServeDNS(ctx context.Context) error {
	client, err := c.HTTPClient()
	if err != nil {
		return err
	}
	socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", dnsAddress)
	if err != nil {
		return err
	}
	return clusterdns.Serve(ctx, socket, func(ctx context.Context, namespace, name string) (netip.Addr, error) {
		return serviceAddress(ctx, client, namespace, name)
	})
}

func serviceAddress(ctx context.Context, client *http.Client, namespace, name string) (netip.Addr, error) {
	url := apiServerURL + "/api/v1/namespaces/" + namespace + "/services/" + name
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return netip.Addr{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return netip.Addr{}, clusterdns.ErrNotFound
	default:
		return netip.Addr{}, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	var service struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&service); err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(service.Spec.ClusterIP)
}

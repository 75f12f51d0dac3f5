package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// tlsClass is a class whose volumes are made by the Heketi with TLS.
const tlsClass = `---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: over-tls}
provisioner: ` + driver.Name + `
parameters: {backend: over-tls}
`

// TestTLSToHeketi adds a Heketi with a certificate of a private authority to the chart's backends, first with another authority
// in caBundle.
func TestTLSToHeketi(t *testing.T) {
	d := theDriver(t)
	ours := certificates.NewAuthority(t)
	heketi := startTLSHeketi(t, ours)
	undoUpgrades(t, d)
	s := newSpace(t, "over-tls")
	s.class(tlsClass)
	uid := func() string {
		return inDriver(t, "get", "pod", driver.ControllerPod, "-o", "jsonpath={.metadata.uid}")
	}
	with := func(a *certificates.Authority) {
		t.Helper()
		before := uid()
		ok(t, d.Upgrade(t.Context(), "backends[2].name=over-tls", "backends[2].url="+heketi.url, "backends[2].key="+lab.HeketiKey,
			"backends[2].caBundle="+a.PEM()))
		if uid() != before {
			t.Error("the new backend has restarted the controller")
		}
		written(t, driver.ControllerPod)
	}

	with(certificates.NewAuthority(t))
	// If the claim existed before the controller has the backend, it would not be retried for minutes.
	eventually(t, func() error {
		out, err := cluster.Kubectl(t.Context(), "exec", driver.ControllerPod, "--namespace="+driver.Namespace, "--container=glusterfs-csi",
			"--", "/glusterfs-csi", "doctor", "--config=/etc/glusterfs-csi/config.yaml")
		if !strings.Contains(out, heketi.url) {
			return fmt.Errorf("the doctor does not know %s: %w\n%s", heketi.url, err, out)
		}
		return nil
	})
	s.apply(claim("data", "over-tls", "ReadWriteMany", "1Gi"))
	const unknown = "set the backend's caFile"
	if !documents.Explains(t, unknown) {
		t.Errorf("docs/troubleshooting.md does not explain %q", unknown)
	}
	eventually(t, func() error {
		if events := s.events("PersistentVolumeClaim", "data"); !strings.Contains(events, unknown) {
			return fmt.Errorf("the claim's events do not say %q:\n%s", unknown, events)
		}
		return nil
	})
	if volumes := heketi.cli(t, "volume", "list"); strings.Contains(volumes, "Name:") {
		t.Errorf("Heketi has volumes from a controller that does not trust its certificate:\n%s", volumes)
	}

	with(ours)
	v := s.bound("data")
	if volumes := heketi.cli(t, "volume", "list"); !strings.Contains(volumes, "Name:"+v.gluster()) {
		t.Errorf("Heketi does not have %s:\n%s", v.gluster(), volumes)
	}
	if !strings.HasPrefix(v.Spec.CSI.VolumeHandle, "over-tls/") {
		t.Errorf("the handle %s does not belong to this Heketi", v.Spec.CSI.VolumeHandle)
	}
	s.kubectl("delete", "pvc", "data", patience)
	s.kubectl("wait", "--for=delete", patience, "pv/"+v.Metadata.Name)
	if volumes := heketi.cli(t, "volume", "list"); strings.Contains(volumes, "Name:") {
		t.Errorf("Heketi still has\n%s", volumes)
	}
}

// tlsHeketi is a Heketi on the hub that speaks TLS. It uses Heketi's mock executor.
type tlsHeketi struct {
	url, authority string
	program        lab.HeketiBinaries
}

// startTLSHeketi starts the Heketi, which is stopped when the test ends.
func startTLSHeketi(t *testing.T, a *certificates.Authority) *tlsHeketi {
	t.Helper()
	const port = "8443"
	programs, err := lab.BuildHeketi(t.Context(), io.Discard)
	ok(t, err)
	first, err := url.Parse(cluster.Lab().Heketi().URL)
	ok(t, err)
	host := first.Hostname()
	files := a.Issue("heketi", net.ParseIP(host))
	h := &tlsHeketi{url: "https://" + net.JoinHostPort(host, port), authority: filepath.Join(files, certificates.AuthorityFile), program: programs}
	dir := t.TempDir()
	config := filepath.Join(dir, "heketi.json")
	writeJSON(t, config, map[string]any{
		"port": port, "enable_tls": true,
		"cert_file": filepath.Join(files, certificates.CertificateFile), "key_file": filepath.Join(files, certificates.KeyFile),
		"use_auth": true, "jwt": map[string]any{"admin": map[string]any{"key": lab.HeketiKey}, "user": map[string]any{"key": "user-key"}},
		"glusterfs": map[string]any{"executor": "mock", "db": filepath.Join(dir, "heketi.db"), "loglevel": "warning"},
	})
	server := cluster.Lab().Hub().Service(lab.Program{
		Name: "heketi-tls", Args: []string{programs.Server, "--config=" + config}, Ready: h.answers(a),
	})
	t.Cleanup(func() {
		if err := server.Kill(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ok(t, server.Start(t.Context()))
	nodes := make([]any, 0, lab.StorageNodes)
	for i := range lab.StorageNodes {
		address := []string{fmt.Sprintf("10.0.0.%d", i+1)}
		nodes = append(nodes, map[string]any{
			"node":    map[string]any{"hostnames": map[string]any{"manage": address, "storage": address}, "zone": i + 1},
			"devices": []string{"/dev/disk0"},
		})
	}
	topology := filepath.Join(dir, "topology.json")
	writeJSON(t, topology, map[string]any{"clusters": []any{map[string]any{"nodes": nodes}}})
	h.cli(t, "topology", "load", "--json="+topology)
	return h
}

// answers sends a request over TLS, as a client that trusts the authority.
func (h *tlsHeketi) answers(a *certificates.Authority) func(context.Context) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate)
	client := &http.Client{Transport: &http.Transport{
		DialContext: cluster.Lab().DialContext, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/hello", http.NoBody)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
}

// cli runs heketi-cli as the administrator.
func (h *tlsHeketi) cli(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cluster.Lab().Hub().Command(t.Context(), h.program.CLI, append([]string{
		"--server=" + h.url, "--tls-cert=" + h.authority, "--user=" + lab.HeketiUser, "--secret=" + lab.HeketiKey,
	}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("heketi-cli %q: %v: %s", args, err, out)
	}
	return string(out)
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	ok(t, err)
	ok(t, os.WriteFile(path, data, 0o600))
}

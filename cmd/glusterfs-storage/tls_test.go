package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// asMain makes the test's own binary behave as glusterfs-storage, since a process reads SSL_CERT_FILE once.
const asMain = "GLUSTERFS_STORAGE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestHeketiWithTLS: with the environment that the chart gives them, backup and setup reach a Heketi with a certificate as the chart's README
// asks for, of a private authority. Teardown has the client of setup.
func TestHeketiWithTLS(t *testing.T) {
	server := labtest.MockHeketi(t)
	dir := certificates.NewAuthority(t).IssueNames("heketi.storage.svc", "localhost")
	authority := filepath.Join(dir, certificates.AuthorityFile)
	if err := server.UseTLS(t.Context(), filepath.Join(dir, certificates.CertificateFile), filepath.Join(dir, certificates.KeyFile), authority); err != nil {
		t.Fatal(err)
	}
	secrets, _ := newAPIServer(t, "heketi-db-backup")
	common := []string{
		"--heketi-url=" + strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "--namespace=storage", "--kubeconfig=" + serveKubernetes(t, installation{secrets}),
	}
	topology := filepath.Join(t.TempDir(), "topology.json")
	const node = `{"node": {"hostnames": {"manage": ["n1"], "storage": ["10.0.0.1"]}, "zone": 1}, "devices": ["/dev/sdb"]}`
	if err := os.WriteFile(topology, []byte(`{"clusters": [{"nodes": [`+node+`]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	setup := []string{"setup", "--topology=" + topology, "--config=/heketi.json", "--directory=" + t.TempDir(), "--database-replica=1", "--heketi-timeout=1s"}
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"backup": {[]string{"backup"}, ""},
		"setup":  {setup, "Step 6 of 6: the topology is loaded"},
	} {
		t.Run(name, func(t *testing.T) {
			program := func(certificates string) (string, error) {
				cmd := exec.CommandContext(t.Context(), os.Args[0], append(tt.args, common...)...)
				cmd.Env = append(os.Environ(), asMain+"=1", keyVariable+"="+lab.HeketiKey, "SSL_CERT_FILE="+certificates)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			if out, err := program("/nowhere"); err == nil || !strings.Contains(out, "unknown authority") {
				t.Errorf("without the authority: %v, %s", err, out)
			}
			if out, err := program(authority); err != nil || !strings.Contains(out, tt.says) {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
	if secrets.annotation("heketi-db-backup", "glusterfs-storage/sha256") == "" {
		t.Error("there is no backup")
	}
}

// installation is an API server with a gluster pod on node n1 and the claim of Heketi's database.
type installation struct{ secrets http.Handler }

func (i installation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := ""
	switch r.URL.Path {
	case "/api/v1/nodes":
		answer = `{"kind": "NodeList", "apiVersion": "v1", "items": [{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "labels": {"storagenode": "glusterfs"}}}]}`
	case "/api/v1/namespaces/storage/persistentvolumeclaims/heketi-db":
		answer = `{"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "heketi-db"}, "status": {"phase": "Bound"}}`
	case "/api/v1/namespaces/storage/pods":
		pods := ""
		if strings.HasPrefix(r.URL.Query().Get("labelSelector"), "glusterfs-node") {
			pods = `{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "gluster-n1"}, "spec": {"nodeName": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}`
		}
		answer = `{"kind": "PodList", "apiVersion": "v1", "items": [` + pods + `]}`
	default:
		i.secrets.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, answer)
}

package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

func TestHealthAddress(t *testing.T) {
	// A health check must not depend on Heketi, which is down here.
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("backends: [{name: lab, url: http://127.0.0.1:1}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "csi.sock")
	p := startProgram(t, socket, "controller", "--config="+config, "--health-address=127.0.0.1:0")
	address, _ := p.awaitLog(t, "Serving health")["address"].(string)
	if code := health(t, address); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if err := os.Remove(socket); err != nil { // makes the driver unreachable
		t.Fatal(err)
	}
	if code := health(t, address); code != http.StatusInternalServerError {
		t.Errorf("status %d without a socket", code)
	}
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func health(t *testing.T, address string) int {
	t.Helper()
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// fakeKubernetes serves a node with the taint and its CSINode object, and delivers every patch of the node.
func fakeKubernetes(t *testing.T) (kubeconfig string, patches <-chan string) {
	t.Helper()
	patched := make(chan string, 1)
	answer := func(object string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, object)
		}
	}
	const node = `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
		"spec": {"taints": [{"key": "glusterfs.csi.gluster.org/agent-not-ready", "effect": "NoSchedule"}]}}`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/storage.k8s.io/v1/csinodes/n1", answer(`{"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
		"metadata": {"name": "n1"}, "spec": {"drivers": [{"name": "glusterfs.csi.gluster.org"}]}}`))
	mux.HandleFunc("GET /api/v1/nodes/n1", answer(node))
	mux.HandleFunc("PATCH /api/v1/nodes/n1", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		patched <- r.Header.Get("Content-Type") + " " + string(body)
		answer(node)(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	content, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": server.URL}}},
		"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "c"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubeconfig, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig, patched
}

// The kubelet finds the registration, calls the driver, and confirms the registration. Only then may the taint be removed.
func TestNodeOnKubernetes(t *testing.T) {
	needs.Root(t, "the node plugin seals its state directory, which needs CAP_SYS_ADMIN")
	kubeconfig, patches := fakeKubernetes(t)
	registration, socket := t.TempDir(), filepath.Join(t.TempDir(), "csi.sock")
	p := startProgram(t, socket, "node", "--node-id=n1", "--state-dir="+t.TempDir(), "--registration-dir="+registration,
		"--kubelet-endpoint="+socket, "--remove-agent-not-ready-taint", "--events", "--kubeconfig="+kubeconfig)

	path := filepath.Join(registration, "glusterfs.csi.gluster.org-reg.sock")
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	kubelet := registerapi.NewRegistrationClient(conn)
	info, err := kubelet.GetInfo(t.Context(), &registerapi.InfoRequest{})
	if err != nil || info.GetName() != "glusterfs.csi.gluster.org" || info.GetEndpoint() != socket {
		t.Fatalf("%v, %v", info, err)
	}
	if node, err := csi.NewNodeClient(p.dial(t)).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{}); err != nil || node.GetNodeId() != "n1" {
		t.Fatalf("%v, %v", node, err)
	}
	if len(patches) != 0 {
		t.Error("the node was changed before the kubelet registered the driver")
	}
	if _, err := kubelet.NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{PluginRegistered: true}); err != nil {
		t.Fatal(err)
	}
	if patch := <-patches; !strings.HasPrefix(patch, "application/json-patch+json ") || !strings.Contains(patch, `"value":[]`) {
		t.Errorf("%s", patch)
	}
	p.awaitLog(t, "Removed the taint: the node is ready")
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the registration is left: %v", err)
	}
}

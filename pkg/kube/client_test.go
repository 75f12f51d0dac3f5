package kube

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNewClientRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	tests := []struct{ name, kubeconfig, says string }{
		{"no file", missing, missing},
		{"no kubeconfig", write(t, "hello"), "cannot"},
		{"empty", write(t, ""), "names no API server"},
		{"no pod", "", "no kubeconfig file is given"},
		{"no certificate", write(t, `{"kind": "Config", "apiVersion": "v1", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
			"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "aGVsbG8="}}]}`), "root certificates"},
		{"no context", write(t, `{"kind": "Config", "apiVersion": "v1", "current-context": "c"}`), "context: c"},
	}
	for _, tt := range tests {
		t.Setenv("KUBERNETES_SERVICE_HOST", "")
		if _, err := NewClient(tt.kubeconfig); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestNewContextClient: the client uses the file and context that kubectl would use.
func TestNewContextClient(t *testing.T) {
	file := write(t, `{"kind": "Config", "apiVersion": "v1", "current-context": "one", "clusters": [{"name": "1", "cluster": {"server": "https://one"}},
		{"name": "2", "cluster": {"server": "https://two"}}], "contexts": [{"name": "one", "context": {"cluster": "1"}}, {"name": "two", "context": {"cluster": "2"}}]}`)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, tt := range []struct{ name, variable, kubeconfig, context, host, says string }{
		{"the current context", "", file, "", "https://one", ""},
		{"another context", "", file, "two", "https://two", ""},
		{"the variable's file", file, "", "", "https://one", ""},
		{"no such context", "", file, "three", "", "three"},
		{"no such file", "", file + ".missing", "", "", "missing"},
		{"nothing", file + ".missing", "", "", "", "kubectl config use-context"},
	} {
		t.Setenv("KUBECONFIG", tt.variable)
		c, err := NewContextClient(tt.kubeconfig, tt.context)
		switch {
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%s: %v", tt.name, err)
		case tt.says == "" && (err != nil || c.host != tt.host):
			t.Errorf("%s: %+v, %v", tt.name, c, err)
		}
	}
}

// kubeconfigFor writes a kubeconfig file for a server that requires no login.
func kubeconfigFor(t *testing.T, url string) string {
	t.Helper()
	return write(t, `{"kind": "Config", "apiVersion": "v1", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
		"clusters": [{"name": "c", "cluster": {"server": "`+url+`"}}]}`)
}

// TestRequests: requests have the program's name, for audit logs, and are not throttled by the client, because the API server
// limits the load.
func TestRequests(t *testing.T) {
	var names []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names = append(names, r.UserAgent())
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind": "PersistentVolumeList", "apiVersion": "v1", "metadata": {}, "items": []}`))
	}))
	t.Cleanup(server.Close)
	c := connect(t, kubeconfigFor(t, server.URL))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 500 { // at client-go's own rate, more than a minute and a half
		if _, err := c.PersistentVolumes(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if want := filepath.Base(os.Args[0]); names[0] != want {
		t.Errorf("the requests come from %q, want %q", names[0], want)
	}
}

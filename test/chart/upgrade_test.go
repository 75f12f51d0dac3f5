package chart

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// An upgrade that has lost its values does not take the controller away.
func TestUpgradeKeepsTheController(t *testing.T) {
	const (
		refused  = "delete it first: kubectl -n glusterfs-csi delete statefulset glusterfs-csi-controller"
		rendered = "objects from release manifest" // what helm cannot make, since this API server knows no other kinds
	)
	tests := []struct {
		name       string
		values     string
		controller bool // is there
		flags      []string
		says       string
	}{
		{"without backends", "static", true, []string{"--is-upgrade"}, refused},
		{"without backends and controller", "static", false, []string{"--is-upgrade"}, rendered},
		{"with backends", "minimal", true, []string{"--is-upgrade"}, rendered},
		{"an installation", "static", true, nil, rendered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"template", "glusterfs-csi", chartDir, "--namespace", "glusterfs-csi", "--values", "testdata/values/" + tt.values + ".yaml",
				"--dry-run=server", "--kubeconfig", kubeconfig(t, apiServer(t, tt.controller))}
			said, err := helm(t, append(args, tt.flags...)...)
			if err == nil || !strings.Contains(said, tt.says) {
				t.Errorf("%v: %q does not say %q", err, said, tt.says)
			}
		})
	}
}

// apiServer returns the address of one that knows StatefulSets and nothing else: that of the controller, or none.
func apiServer(t *testing.T, controller bool) string {
	t.Helper()
	answers := map[string]string{
		"/version": `{"major": "1", "minor": "36", "gitVersion": "v1.36.0"}`,
		"/api":     `{"kind": "APIVersions", "versions": ["v1"]}`,
		"/apis":    `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]}`,
		"/api/v1":  `{"kind": "APIResourceList", "groupVersion": "v1", "resources": []}`,
		"/apis/apps/v1": `{"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
			{"name": "statefulsets", "namespaced": true, "kind": "StatefulSet", "verbs": ["get"]}]}`,
	}
	if controller {
		answers["/apis/apps/v1/namespaces/glusterfs-csi/statefulsets/glusterfs-csi-controller"] = `{"kind": "StatefulSet", "apiVersion": "apps/v1",
			"metadata": {"name": "glusterfs-csi-controller", "namespace": "glusterfs-csi"}}`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, path, fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: %q}}]
`, server))
	return path
}

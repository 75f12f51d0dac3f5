package chart

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An upgrade that has lost its values does not remove the controller.
func TestUpgradeKeepsTheController(t *testing.T) {
	const (
		refused  = "delete it first: kubectl -n glusterfs-csi delete statefulset glusterfs-csi-controller"
		rendered = "objects from release manifest" // helm cannot create these objects, because this API server has no other kinds
	)
	tests := []struct {
		name       string
		values     string
		controller bool // whether the controller exists
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
			controller := ""
			if tt.controller {
				controller = `{"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {"name": "glusterfs-csi-controller", "namespace": "glusterfs-csi"}}`
			}
			said, err := upgrade(t, tt.values, apiServer(t, controller, ""), tt.flags...)
			if err == nil || !strings.Contains(said, tt.says) {
				t.Errorf("%v: %q does not say %q", err, said, tt.says)
			}
		})
	}
}

// An upgrade does not roll out over node plugins whose clients end with them.
func TestUpgradeKeepsTheClients(t *testing.T) {
	const (
		refused  = "--set node.updateStrategy.type=OnDelete"
		rendered = "objects from release manifest"
		old      = `"--state-dir=/var/lib/glusterfs-csi"`
		onNode   = `"node", "--client-placement=node"`
		byHand   = "--set=node.updateStrategy.type=OnDelete,node.updateStrategy.rollingUpdate=null"
	)
	tests := []struct {
		name    string
		runs    string // arguments of the existing node plugin; "" means none
		updated int    // of three nodes, if they are replaced by hand; 0 means that they are not
		flags   []string
		says    string
	}{
		{"from clients in the pod", old, 0, []string{"--is-upgrade"}, refused},
		{"from a placement in the pod", `"--client-placement=pod"`, 0, []string{"--is-upgrade"}, refused},
		{"by hand", old, 0, []string{"--is-upgrade", byHand}, rendered},
		{"some of them are replaced by hand", onNode, 2, []string{"--is-upgrade"}, "1 of 3 node plugins are still of an earlier version"},
		{"some of them, and the rest will be", onNode, 2, []string{"--is-upgrade", byHand}, rendered},
		{"all of them are replaced by hand", onNode, 3, []string{"--is-upgrade"}, rendered},
		{"to clients in the pod", old, 0, []string{"--is-upgrade", "--set=client.placement=pod"}, rendered},
		{"from clients on the node", onNode, 0, []string{"--is-upgrade"}, rendered},
		{"an installation", "", 0, nil, rendered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			daemonSet, strategy := "", "RollingUpdate"
			if tt.updated > 0 {
				strategy = "OnDelete"
			}
			if tt.runs != "" {
				daemonSet = fmt.Sprintf(`{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"name": "glusterfs-csi-node", "namespace": "glusterfs-csi"},
					"spec": {"updateStrategy": {"type": %q}, "template": {"spec": {"containers": [{"name": "injected"}, {"name": "glusterfs-csi", "args": [%s]}]}}},
					"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": %d}}`, strategy, tt.runs, tt.updated)
			}
			said, err := upgrade(t, "minimal", apiServer(t, "", daemonSet), tt.flags...)
			if err == nil || !strings.Contains(said, tt.says) {
				t.Errorf("%v: %q does not say %q", err, said, tt.says)
			}
		})
	}
}

// The check covers the node plugins of each group.
func TestUpgradeKeepsTheClientsOfGroups(t *testing.T) {
	daemonSet := func(name string, updated int) string {
		return fmt.Sprintf(`{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"name": %q, "namespace": "glusterfs-csi"},
			"spec": {"updateStrategy": {"type": "OnDelete"}, "template": {"spec": {"containers": [{"name": "glusterfs-csi", "args": ["--client-placement=node"]}]}}},
			"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": %d}}`, name, updated)
	}
	for updated, says := range map[int]string{0: "3 of 3 node plugins are still of an earlier version", 3: "objects from release manifest"} {
		server := serveAPI(t, withDaemonSets(map[string]string{
			"glusterfs-csi-node": daemonSet("glusterfs-csi-node", 3), "glusterfs-csi-node-edge": daemonSet("glusterfs-csi-node-edge", updated),
		}))
		said, err := upgrade(t, "minimal", server, "--is-upgrade", "--set=node.groups[0].name=edge,node.groups[0].nodeSelector.x=one")
		if err == nil || !strings.Contains(said, says) {
			t.Errorf("%d updated: %v: %q does not say %q", updated, err, said, says)
		}
	}
}

// upgrade renders the chart as helm does with a reachable API server.
func upgrade(t *testing.T, values, server string, flags ...string) (said string, err error) {
	t.Helper()
	return helm(t, slices.Concat([]string{
		"template", "glusterfs-csi", chartDir, "--namespace", "glusterfs-csi", "--values", "testdata/values/" + values + ".yaml",
		"--dry-run=server", "--kubeconfig", kubeconfig(t, server),
	}, flags)...)
}

// apiServer returns the address of an API server that has only StatefulSets and DaemonSets. controller and node are the existing
// objects as JSON; "" means none.
func apiServer(t *testing.T, controller, node string) string {
	t.Helper()
	answers := withDaemonSets(nil)
	if controller != "" {
		answers[ofRelease+"statefulsets/glusterfs-csi-controller"] = controller
	}
	if node != "" {
		answers[ofRelease+"daemonsets/glusterfs-csi-node"] = node
	}
	return serveAPI(t, answers)
}

// ofRelease is the path of the release's objects.
const ofRelease = "/apis/apps/v1/namespaces/glusterfs-csi/"

// withDaemonSets returns the answers of an API server that has these DaemonSets.
func withDaemonSets(all map[string]string) map[string]string {
	answers := map[string]string{
		"/version": `{"major": "1", "minor": "36", "gitVersion": "v1.36.0"}`,
		"/api":     `{"kind": "APIVersions", "versions": ["v1"]}`,
		"/apis":    `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]}`,
		"/api/v1":  `{"kind": "APIResourceList", "groupVersion": "v1", "resources": []}`,
		"/apis/apps/v1": `{"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
			{"name": "statefulsets", "namespaced": true, "kind": "StatefulSet", "verbs": ["get"]},
			{"name": "daemonsets", "namespaced": true, "kind": "DaemonSet", "verbs": ["get"]}]}`,
	}
	for name, content := range all {
		answers[ofRelease+"daemonsets/"+name] = content
	}
	return answers
}

// serveAPI returns the address of an API server with these answers, by path. It answers "not found" for other paths.
func serveAPI(t *testing.T, answers map[string]string) string {
	t.Helper()
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

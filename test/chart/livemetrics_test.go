package chart

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	docs "github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// TestAlertsAndDashboardNameMetricsThatExist: a running driver has each metric that alerts and the dashboard select, with the
// labels by which they select and group.
func TestAlertsAndDashboardNameMetricsThatExist(t *testing.T) {
	served := liveMetrics(t)
	// A driver without volumes does not have these metrics. The documented table is complete: pkg/metrics, TestDocumentedMetrics.
	for _, name := range []string{
		"glusterfs_csi_node_clients", "glusterfs_csi_orphans", "glusterfs_csi_orphans_last_success_timestamp_seconds",
	} {
		served[name] = documentedLabels(t, name)
	}
	expressions := dashboardExpressions(t)
	for _, group := range alerts(t) {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
		}
	}
	checked := map[string]bool{}
	for _, expression := range expressions {
		for _, selector := range regexp.MustCompile(`([a-z_]+)\{([^{}]*)\}`).FindAllStringSubmatch(expression, -1) {
			name := selector[1]
			if name == "up" || strings.HasPrefix(name, "kube_") { // from Prometheus itself, and from kube-state-metrics
				continue
			}
			labels, exists := served[name]
			if !exists {
				t.Errorf("the driver has no metric %s, which is in %s", name, expression)
				continue
			}
			checked[name] = true
			for _, label := range append(labelsIn(selector[2]), groupedBy(expression)...) {
				if !slices.Contains(ofPrometheus(), label) && !slices.Contains(labels, label) {
					t.Errorf("%s has no label %s, which is in %s", name, label, expression)
				}
			}
		}
	}
	if len(checked) < 15 {
		t.Errorf("only %d metrics were checked: %v", len(checked), slices.Sorted(maps.Keys(checked)))
	}
}

// ofPrometheus are the labels that Prometheus adds.
func ofPrometheus() []string { return []string{"namespace", "pod", "container", "node"} }

func labelsIn(selector string) (labels []string) {
	for _, match := range regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"`).FindAllStringSubmatch(selector, -1) {
		labels = append(labels, match[1])
	}
	return labels
}

func groupedBy(expression string) (labels []string) {
	for _, match := range regexp.MustCompile(`\b(?:by|on) \(([a-z_, ]+)\)`).FindAllStringSubmatch(expression, -1) {
		labels = append(labels, strings.Split(match[1], ", ")...)
	}
	return labels
}

func dashboardExpressions(t *testing.T) (expressions []string) {
	t.Helper()
	var d struct {
		Panels []struct {
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Query any `json:"query"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal([]byte(read(t, chartDir+"/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	for _, variable := range d.Templating.List {
		if query, ok := variable.Query.(string); ok {
			expressions = append(expressions, strings.ReplaceAll(query, "label_values(glusterfs_csi_node_leftovers,", "glusterfs_csi_node_leftovers{},"))
		}
	}
	return expressions
}

// documentedLabels returns the labels of a metric in docs/metrics.md.
func documentedLabels(t *testing.T, name string) (labels []string) {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `" + name + "` \\| [a-z]+ \\| ([^|]*) \\|").FindStringSubmatch(docs.Page(t, "metrics.md"))
	if row == nil {
		t.Fatalf("docs/metrics.md has no row for %s", name)
	}
	for _, match := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
		labels = append(labels, match[1])
	}
	return labels
}

// liveMetrics runs the driver, in both roles, makes it fail to create a volume, and returns the labels of each of its metrics.
func liveMetrics(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "csi.sock")
	write(t, filepath.Join(dir, "config.yaml"), "backends: [{name: lab, url: '"+fullHeketi(t)+"'}]\n")
	cmd := exec.CommandContext(t.Context(), needs.Built(t, root, "glusterfs-csi", "build"), "all", "--endpoint=unix://"+socket, "--config="+filepath.Join(dir, "config.yaml"),
		"--node-id=n1", "--state-dir="+filepath.Join(dir, "state"), "--metrics-address=127.0.0.1:0", "--logging-format=json")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the directory is removed
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := ""
	for log := bufio.NewScanner(stderr); address == ""; {
		if !log.Scan() {
			t.Fatal("the driver ended before it served metrics")
		}
		var line struct {
			Msg     string `json:"msg"`
			Address string `json:"address"`
		}
		if err := json.Unmarshal(log.Bytes(), &line); err == nil && line.Msg == "Serving metrics" {
			address = line.Address
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	call(t, socket)
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	served := map[string][]string{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if match := regexp.MustCompile(`^([a-z_]+)(\{(.*)\})? `).FindStringSubmatch(lines.Text()); match != nil {
			served[match[1]] = labelsIn(match[3])
		}
	}
	return served
}

// call makes the calls without which some metrics have no values.
func call(t *testing.T, socket string) {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := csi.NewNodeClient(conn).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{}); err != nil {
		t.Error(err)
	}
	_, err = csi.NewControllerClient(conn).CreateVolume(t.Context(), &csi.CreateVolumeRequest{
		Name: "pvc-1",
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		}},
	})
	if err == nil || !strings.Contains(err.Error(), "No space") {
		t.Errorf("a create that Heketi refuses: %v", err)
	}
}

// fullHeketi is a server with one cluster, which has no free space.
func fullHeketi(t *testing.T) string {
	t.Helper()
	id := strings.Repeat("c", 32)
	answers := map[string]string{
		"/clusters": `{"clusters": ["` + id + `"]}`,
		"/db/dump":  `{"clusterentries": {"` + id + `": {"Info": {"file": true}}}, "volumeentries": {}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := answers[r.URL.Path]; answer != "" && r.Method == http.MethodGet {
			_, _ = io.WriteString(w, answer)
			return
		}
		http.Error(w, "Failed to allocate new volume: No space", http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

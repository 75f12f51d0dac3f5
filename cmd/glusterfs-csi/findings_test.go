package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const testKey = "s3cr3t"

// heketiConfig returns a configuration with one Heketi, which has a volume that the driver made.
func heketiConfig(t *testing.T) (path string, server *heketitest.Server) {
	t.Helper()
	cluster := heketitest.NewCluster()
	server = heketitest.New(t, cluster)
	server.SetKey(testKey)
	server.AddVolume("csi-pvc-1-0123456789abcdef0123", cluster.ID, false)
	server.Inject(heketitest.Fault{Prefix: "GET /hello", Status: http.StatusOK, Body: "Hello from Heketi"})
	server.Inject(heketitest.Fault{Prefix: "GET /db/check", Status: http.StatusOK, Body: `{"totalinconsistencies": 0}`})
	key := writeFile(t, "key", testKey)
	return writeFile(t, "config.yaml", "backends: [{name: a, url: '"+server.URL+"', keyFile: "+key+"}]"), server
}

func TestExaminationCommandLines(t *testing.T) {
	config, _ := heketiConfig(t)
	pvs := writeFile(t, "pvs.json", `{"kind": "List", "items": []}`)
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // outside a pod
	tests := []struct {
		args []string
		says string
	}{
		{[]string{"doctor"}, "--config=FILE"},
		{[]string{"doctor", "x"}, `"x"`},
		{[]string{"doctor", "--from-pod=a:24007"}, "without ports"},
		{[]string{"doctor", "--from-pod=10.0.0.1", "--node"}, "--from-pod cannot be combined"},
		{[]string{"doctor", "--from-pod=10.0.0.1", "--config=" + config}, "--from-pod cannot be combined"},
		{[]string{"doctor", "--from-pod=10.0.0.1", "--storage"}, "--from-pod cannot be combined"},
		{[]string{"doctor", "--storage"}, "--storage needs either --kubeconfig=FILE"},
		{[]string{"doctor", "--storage", "--in-cluster", "--kubeconfig=x"}, "--storage needs either --kubeconfig=FILE"},
		{[]string{"doctor", "--storage", "--in-cluster"}, "--in-cluster: no kubeconfig file is given, and this process is not in a pod"},
		{[]string{"doctor", "--storage", "--kubeconfig=/missing"}, "--kubeconfig=/missing: "},
		{[]string{"doctor", "--config=" + config, "--in-cluster"}, "have no meaning without --storage"},
		{[]string{"doctor", "--confg=x"}, "--confg"},
		{[]string{"doctor", "--config=" + config, "--output=xml"}, "text or json"},
		{[]string{"orphans", "--pvs=" + pvs}, "--config=FILE"},
		{[]string{"orphans", "--config=" + config}, "--kubeconfig=FILE"},
		{[]string{"orphans", "--config=" + config}, "--pvs=FILE"},
		{[]string{"orphans", "--config=" + config, "--kubeconfig=/missing"}, "--kubeconfig=/missing"},
		{[]string{"orphans", "--config=" + config, "--kubeconfig="}, "--kubeconfig= names no file"},
		{[]string{"orphans", "--config=" + config, "--in-cluster"}, "--in-cluster: no kubeconfig file is given, and this process is not in a pod"},
		{[]string{"orphans", "--config=/missing", "--pvs=" + pvs}, "/missing"},
		{[]string{"orphans", "--config=" + config, "--pvs=/missing"}, "/missing"},
		{[]string{"orphans", "--config=" + config, "--pvs=" + config}, "not a list"},
	}
	for _, tt := range tests {
		code, stdout, stderr := command(t, tt.args...)
		if code != 3 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tt.says) {
			t.Errorf("%q: code %d, %q, %q", tt.args, code, stdout, stderr)
		}
	}
}

func TestDoctorCommand(t *testing.T) {
	config, server := heketiConfig(t)
	code, stdout, stderr := command(t, "doctor", "--config="+config)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "it accepts the key") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	server.SetKey("another")
	code, stdout, stderr = command(t, "doctor", "--config="+config, "--output=json")
	var findings []report.Finding
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if code != 2 || stderr != "" || findings[0].Check != "heketi-key" || findings[0].Severity != "critical" || findings[0].Remedy == "" {
		t.Errorf("code %d, %s, %+v", code, stderr, findings)
	}
	if strings.Contains(stdout, testKey) {
		t.Error("the key is told")
	}
}

func TestDoctorOfTheNodeNeedsNoConfiguration(t *testing.T) {
	code, stdout, stderr := command(t, "doctor", "--node", "--state-dir="+t.TempDir())
	if code == 3 || stderr != "" || !strings.Contains(stdout, "FUSE") && !strings.Contains(stdout, "/dev/fuse") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}

// TestDoctorFromAPod: no connection can be made to the broadcast address, so the test needs no network.
func TestDoctorFromAPod(t *testing.T) {
	code, stdout, stderr := command(t, "doctor", "--from-pod=255.255.255.255")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "gluster server 255.255.255.255: a pod here cannot connect") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}

func TestOrphansCommand(t *testing.T) {
	config, server := heketiConfig(t)
	pvs := writeFile(t, "pvs.yaml", "kind: List\nitems: []\n")
	code, stdout, stderr := command(t, "orphans", "--config="+config, "--pvs="+pvs)
	if code != 1 || stderr != "" || !strings.Contains(stdout, "heketi-cli --server "+server.URL+" --user admin volume delete ") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	if n := server.Requests("DELETE") + server.Requests("POST"); n != 0 {
		t.Errorf("%d requests that change something", n)
	}
	lost := writeFile(t, "lost.json", `{"kind": "List", "items": [{"kind": "PersistentVolume", "metadata": {"name": "pvc-2"}, "spec": {"csi":
		{"driver": "glusterfs.csi.gluster.org", "volumeHandle": "a/00000000000000000000000000000bad"}}, "status": {"phase": "Bound"}}]}`)
	code, stdout, stderr = command(t, "orphans", "--config="+config, "--pvs="+pvs, "--pvs="+lost, "--output=json")
	if code != 2 || stderr != "" || !strings.Contains(stdout, "pv-without-volume") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}

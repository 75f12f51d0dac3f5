package doctor

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// documentedSite returns the Heketi of the examples in docs/doctor.md: three nodes (10.0.0.1 to 3) with four devices each. The
// first device of each node has volumes, which leave firstMiB.
func documentedSite(cluster string, firstMiB int) site {
	s := site{clusters: object{}, nodes: object{}, devices: object{}, volumes: object{}, operations: object{}}
	nodes := []string{id(0xa1), "bede0d83326b13e742c41723394568d6", id(0xa3)}
	for n, node := range nodes {
		s.node(node, fmt.Sprintf("10.0.0.%d", n+1), "online")
		for d, freeMiB := range []int{firstMiB, 511872, 511872, 511872} {
			s.device(id(0x100*n+d), node, "online", freeMiB<<10)
		}
	}
	s.cluster(cluster, true, nodes...)
	s.volume(id(0x10), cluster, ourName("pvc-1"), "")
	return s
}

// shown requires that docs/doctor.md shows findings, after replacing variable texts. It replaces them before lines are broken.
func shown(t *testing.T, command string, findings []report.Finding, write func(io.Writer, []report.Finding) error, replace ...string) {
	t.Helper()
	replacer := strings.NewReplacer(replace...)
	for i := range findings {
		f := &findings[i]
		f.Subject, f.Message = replacer.Replace(f.Subject), replacer.Replace(f.Message)
		for j := range f.Commands {
			f.Commands[j] = replacer.Replace(f.Commands[j])
		}
	}
	var out bytes.Buffer
	if err := write(&out, findings); err != nil {
		t.Fatal(err)
	}
	documents.Shows(t, "doctor.md", command, out.String(), report.ExitCode(findings))
}

// TestDocumentedBackend: docs/doctor.md shows the reports on a Heketi without faults, with several, with another key, and on one
// that does not run.
func TestDocumentedBackend(t *testing.T) {
	const cluster, lost, operation = "6163203a988acdaae1f36f3ef249e6cd", "c934ff0933bcd61b07d53a239f436d64", "f4c68c905ef2f35bd0aaedcc5a74c223"
	healthy, damaged := documentedSite(cluster, 501810), documentedSite(cluster, 491450)
	damaged.node("bede0d83326b13e742c41723394568d6", "10.0.0.2", "offline")
	damaged.volume(id(0x11), cluster, "csi-default_web-8b939e3f5dc5d928f6ee", operation)
	serve := func(s site, operations []object, inconsistencies ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			server := heketitest.New(t, heketitest.NewCluster())
			s.serve(t, server, operations, inconsistencies...)
			return server.URL
		}
	}
	for name, tt := range map[string]struct {
		url     func(*testing.T) string
		key     string
		refused string // server that does not answer
		option  string
		write   func(io.Writer, []report.Finding) error
	}{
		"healthy": {serve(healthy, nil), heketitest.DefaultKey, "", "", report.WriteText},
		"damaged": {
			serve(damaged, []object{{"id": operation, "type_name": "clone-volume", "status": "stale"}},
				"Cluster "+cluster+" unknown volume "+lost, "Brick 85ffe58dcf931a6ac6f0979e4b286255 unknown volume "+lost,
				"Brick 135ed9a641e8e78a5020c9b78475ad31 unknown volume "+lost, "Brick 5bb820c44aef11e7a657c7371ca9d05d unknown volume "+lost,
				"Device 890cd8e5e0cceae5f770e4b9406dcbba size values differ Used(10539008) != aggregateBricksSize(21078016)", "6", "7", "8"),
			heketitest.DefaultKey, "10.0.0.2", "", report.WriteText,
		},
		"another key": {serve(healthy, nil), "another key", "", " --output json", report.WriteJSON},
		"away":        {closedServer, heketitest.DefaultKey, "", "", report.WriteText},
	} {
		t.Run(name, func(t *testing.T) {
			url := tt.url(t)
			path := configFile(t, tt.key, one(url))
			shown(t, "glusterfs-csi doctor --config config.yaml"+tt.option, Run(t.Context(), Config{ConfigFile: path, Prober: prober(tt.refused)}), tt.write,
				url, "https://heketi:8080", strings.TrimPrefix(url, "http://"), "127.0.0.1:38411", path, "config.yaml")
		})
	}
}

// closedServer returns the URL of a server that does not run.
func closedServer(*testing.T) string {
	server := httptest.NewServer(nil)
	server.Close()
	return server.URL
}

// TestDocumentedNode: docs/doctor.md shows the report on a node on which no node plugin has run.
func TestDocumentedNode(t *testing.T) {
	n := goodNode(t)
	n.StateDir = filepath.Join(n.StateDir, "missing")
	n.Glusterfs = script(t, "glusterfs 10.3")
	findings := Run(t.Context(), Config{Node: n, Prober: prober()})
	mounted := regexp.MustCompile(`^\d+ GlusterFS clients?`) // those of the machine that runs the tests
	for i := range findings {
		findings[i].Message = mounted.ReplaceAllString(findings[i].Message, "0 GlusterFS clients")
	}
	shown(t, "glusterfs-csi doctor --node", findings, report.WriteText,
		n.StateDir, "/var/lib/glusterfs-csi", n.FuseDevice, "/dev/fuse", kernelRelease(), "6.1.0-28-amd64")
}

// TestDocumentedStorage: docs/doctor.md shows the report on GlusterFS and Heketi in the cluster.
func TestDocumentedStorage(t *testing.T) {
	shown(t, "glusterfs-csi doctor --storage --kubeconfig ~/.kube/config", newCluster().run(t), report.WriteText)
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// asMain makes the test binary behave as glusterfs-csi, so that a test can send signals to it.
const asMain = "GLUSTERFS_CSI_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command runs the program in this process, without the caller's environment.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv(endpointVariable, "")
	t.Setenv(nodeIDVariable, "")
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a server that starts by mistake stops in the end; no command takes that long, even on a busy machine
	defer cancel()
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestHelpListsOnlyTheModesFlags(t *testing.T) {
	common := []string{"driver-name", "endpoint", "health-address", "help", "kubeconfig", "logging-format", "metrics-address", "state-dir", "v", "volume-health"}
	controller := []string{"annotate-pv-gid", "config", "late-requests", "publish-capacity", "publish-capacity-immediate", "report-orphans"}
	node := []string{"allowed-servers", "client-cgroup", "client-memory-limit", "client-placement", "client-resolver-root", "cluster-servers", "events", "heal-mounts", "hung-client-limit", "kubelet-endpoint", "max-volumes-per-node",
		"node-id", "registration-dir", "remove-agent-not-ready-taint"}
	tests := map[string][]string{
		"controller": controller,
		"node":       node,
		"all":        slices.Concat(controller, node),
	}
	flag := regexp.MustCompile(`(?m)^ .*?--([a-z-]+)`)
	for mode, own := range tests {
		code, stdout, stderr := command(t, mode, "--help")
		if code != 0 || stderr != "" {
			t.Errorf("%s --help: code %d, %s", mode, code, stderr)
		}
		var got []string
		for _, match := range flag.FindAllStringSubmatch(stdout, -1) {
			got = append(got, match[1])
		}
		if want := slices.Sorted(slices.Values(slices.Concat(common, own))); !slices.Equal(got, want) {
			t.Errorf("%s --help lists %q, want %q", mode, got, want)
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := command(t, "version")
	if code != 0 || stderr != "" || !regexp.MustCompile(`^glusterfs-csi \S.* \(go1\.\S+, \w+/\w+\)\n$`).MatchString(stdout) {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

func TestWrongCommandLine(t *testing.T) {
	dir := t.TempDir()
	endpoint := "--endpoint=unix://" + filepath.Join(dir, "csi.sock")
	empty := filepath.Join(dir, "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config, _, _ := fakeHeketi(t)
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // outside a pod
	state := "--state-dir=" + filepath.Join(dir, "state")
	const cluster = "630372ccdc720a92c681fb928f27b53f"
	used := "--state-dir=" + t.TempDir() // for starts that fail after the node has read its state
	tests := []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"nothing", nil, 2, []string{"controller, node or all"}},
		{"unknown command", []string{"contoller"}, 2, []string{"contoller"}},
		{"argument", []string{"node", "x"}, 2, []string{`"x"`}},
		{"unknown flag", []string{"node", "--nodeid=x"}, 2, []string{"--nodeid", "node --help"}},
		{"flag of another mode", []string{"node", endpoint, "--node-id=n", "--config=x"}, 2, []string{"--config"}},
		{"node id of a controller", []string{"controller", endpoint, "--config=x", "--node-id=n"}, 2, []string{"--node-id"}},
		{"no endpoint", []string{"controller"}, 2, []string{"--endpoint=unix:///csi/csi.sock", endpointVariable}},
		{"TCP endpoint", []string{"node", "--endpoint=tcp://0.0.0.0:1", "--node-id=n"}, 2, []string{"tcp://0.0.0.0:1", "unix:///"}},
		{"driver name", []string{"node", endpoint, "--node-id=n", "--driver-name=a_b"}, 2, []string{"--driver-name", "a_b", "63"}},
		{"no config", []string{"controller", endpoint}, 2, []string{"--config=FILE", "backends"}},
		{"no config for all", []string{"all", endpoint, "--node-id=n"}, 2, []string{"--config=FILE"}},
		{"no node id", []string{"node", endpoint}, 2, []string{"--node-id=NAME", nodeIDVariable}},
		{"long node id", []string{"node", endpoint, "--node-id=" + strings.Repeat("n", 257)}, 2, []string{"--node-id", "256"}},
		{"fewer volumes than none", []string{"node", endpoint, "--node-id=n", "--max-volumes-per-node=-1"}, 2, []string{"--max-volumes-per-node=-1", "0 for no limit"}},
		{"relative state directory", []string{"node", endpoint, "--node-id=n", "--state-dir=x"}, 2, []string{"--state-dir=x", "absolute"}},
		{"relative state directory of a controller", []string{"controller", endpoint, "--config=x", "--state-dir=x"}, 2, []string{"--state-dir=x", "absolute"}},
		{"state directory that is a file", []string{"controller", endpoint, "--config=" + config, "--state-dir=" + config}, 1, []string{"--state-dir=", "not a directory"}},
		{"late requests", []string{"controller", endpoint, "--config=x", "--late-requests=0"}, 2, []string{"--late-requests=0s", "at least 1s", "10m0s"}},
		{"servers of no cluster", []string{"node", endpoint, "--node-id=n", "--cluster-servers=production=a,b"}, 2, []string{"--cluster-servers=production=a,b", "heketi-cli cluster list"}},
		{"a cluster without servers", []string{"node", endpoint, "--node-id=n", "--cluster-servers=" + cluster}, 2, []string{"--cluster-servers=" + cluster, "a server's name is empty"}},
		{"a port", []string{"node", endpoint, "--node-id=n", "--cluster-servers=" + cluster + "=a:24007"}, 2, []string{"a:24007", "without ports"}},
		{"a cluster twice", []string{"node", endpoint, "--node-id=n", "--cluster-servers=" + cluster + "=a", "--cluster-servers=" + cluster + "=b"}, 2, []string{"given twice"}},
		{"logging format", []string{"node", endpoint, "--node-id=n", "--logging-format=xml"}, 2, []string{"xml", "text or json"}},
		{"verbosity", []string{"node", endpoint, "--node-id=n", "--v=-1"}, 2, []string{"--v=-1"}},
		{"verbosity in words", []string{"node", endpoint, "--v=loud"}, 2, []string{"--v", "loud"}},
		{"metrics address", []string{"node", endpoint, "--node-id=n", "--metrics-address=9090"}, 2, []string{"9090", ":9090"}},
		{"health address", []string{"node", endpoint, "--node-id=n", "--health-address=9808"}, 2, []string{"--health-address=9808", ":9808"}},
		{"registration without endpoint", []string{"node", endpoint, "--node-id=n", "--registration-dir=/r"}, 2, []string{"--kubelet-endpoint", "as the kubelet sees it"}},
		{"endpoint without registration", []string{"node", endpoint, "--node-id=n", "--kubelet-endpoint=/s"}, 2, []string{"--registration-dir", "node-driver-registrar"}},
		{"relative registration", []string{"node", endpoint, "--node-id=n", "--registration-dir=r", "--kubelet-endpoint=/s"}, 2, []string{"--registration-dir=r", "absolute"}},
		{"relative kubelet endpoint", []string{"node", endpoint, "--node-id=n", "--registration-dir=/r", "--kubelet-endpoint=unix:///s"}, 2, []string{"--kubelet-endpoint=unix:///s", "without unix://"}},
		{"long registration", []string{"node", endpoint, "--node-id=n", "--registration-dir=/" + strings.Repeat("r", 100), "--kubelet-endpoint=/s"}, 2, []string{"--registration-dir", "107"}},
		{"capacity too often", []string{"controller", endpoint, "--config=" + config, "--publish-capacity=1ms"}, 2, []string{"--publish-capacity=1ms", "at least 1s"}},
		{"capacity outside of a pod", []string{"controller", endpoint, "--config=" + config, "--publish-capacity=5m"}, 2, []string{"--publish-capacity", "POD_NAMESPACE", "POD_NAME"}},
		{"capacity of nothing", []string{"controller", endpoint, "--config=" + config, "--publish-capacity-immediate"}, 2, []string{"--publish-capacity-immediate", "--publish-capacity="}},
		{"annotations of a node", []string{"node", endpoint, "--node-id=n", "--annotate-pv-gid"}, 2, []string{"--annotate-pv-gid"}},
		{"too often", []string{"controller", endpoint, "--config=x", "--report-orphans=1m"}, 2, []string{"--report-orphans=1m0s", "10m", "0 for never"}},
		{"not even never", []string{"controller", endpoint, "--config=x", "--report-orphans=-1h"}, 2, []string{"--report-orphans=-1h", "10m"}},
		{"no Kubernetes", []string{"controller", endpoint, "--config=" + config, "--report-orphans=1h"}, 1, []string{"--kubeconfig is missing", "--report-orphans", "is not in a pod"}},
		{"kubeconfig not there", []string{"controller", endpoint, "--config=" + config, "--report-orphans=1h", "--kubeconfig=/missing"}, 1, []string{"--kubeconfig=/missing"}},
		{"config not there", []string{"controller", endpoint, "--config=" + filepath.Join(dir, "missing")}, 1, []string{"--config=", "missing"}},
		{"config empty", []string{"controller", endpoint, "--config=" + empty}, 1, []string{"backends"}},
		{"directory of the socket not there", []string{"node", "--endpoint=" + filepath.Join(dir, "missing", "s"), "--node-id=n", state}, 1, []string{"missing/s"}},
		{"registration directory not there", []string{"node", endpoint, "--node-id=n", used, "--registration-dir=" + filepath.Join(dir, "missing"), "--kubelet-endpoint=/s"}, 1, []string{"--registration-dir=", "missing"}},
		{"a node without Kubernetes", []string{"node", endpoint, "--node-id=n", used, "--remove-agent-not-ready-taint"}, 1, []string{"--kubeconfig is missing", "is not in a pod"}},
		{"events without Kubernetes", []string{"node", endpoint, "--node-id=n", used, "--events"}, 1, []string{"--kubeconfig is missing", "--events", "is not in a pod"}},
		{"kubeconfig not there", []string{"node", endpoint, "--node-id=n", used, "--remove-agent-not-ready-taint", "--kubeconfig=/missing"}, 1, []string{"--kubeconfig=/missing"}},
		{"health address not ours", []string{"node", endpoint, "--node-id=n", state, "--health-address=192.0.2.1:9808"}, 1, []string{"--health-address", "192.0.2.1:9808"}},
		{"metrics address not ours", []string{"node", endpoint, "--node-id=n", state, "--metrics-address=192.0.2.1:9090"}, 1, []string{"192.0.2.1:9090"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if slices.Contains(tt.args, used) {
				needs.Root(t, "the node plugin seals its state directory, which needs CAP_SYS_ADMIN")
			}
			code, stdout, stderr := command(t, tt.args...)
			if code != tt.code || stdout != "" {
				t.Errorf("code %d, want %d; output %q", code, tt.code, stdout)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") || strings.Contains(stderr, "Usage") {
				t.Errorf("not one line:\n%s", stderr)
			}
			for _, part := range append(tt.says, "glusterfs-csi") {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q does not say %q", stderr, part)
				}
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("a start that failed left something: %v, %v", entries, err)
	}
}

func TestEnvironmentFillsIn(t *testing.T) {
	t.Setenv(endpointVariable, "unix:///from/variable.sock")
	t.Setenv(nodeIDVariable, "from-variable")
	o := options{driverName: "x", stateDir: "/s", logging: logging.Options{Format: logging.Text}, clients: clientOptions{placement: "node", cgroup: "c"}}
	if err := o.complete(mode{node: true}); err != nil {
		t.Fatal(err)
	}
	if o.socket != "/from/variable.sock" || o.nodeID != "from-variable" {
		t.Errorf("%+v", o)
	}
	o.endpoint, o.nodeID = "/from/flag.sock", "from-flag"
	if err := o.complete(mode{node: true}); err != nil || o.socket != "/from/flag.sock" || o.nodeID != "from-flag" {
		t.Errorf("%+v, %v", o, err)
	}
}

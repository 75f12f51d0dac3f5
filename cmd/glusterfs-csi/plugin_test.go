package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl/kubectltest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// plugin runs the program as kubectl does for "kubectl glusterfs-csi".
func plugin(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = programOf(pluginName)(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// installed returns kubectl's answers about a release with a controller and two node plugins, one of which does not run.
func installed() kubectltest.Answer {
	return kubectltest.Answer{To: "get pods", Stdout: kubectltest.List(
		kubectltest.Workload("r", "DaemonSet", "r-node", "node", "glusterfs-csi-0.1.0", "node:1"),
		kubectltest.Pod("r", "r-controller-0", "controller", "n1", "controller:1", "controller@sha256:aa", "controller", "--config=/c.yaml", "--driver-name=my.driver"),
		kubectltest.Pod("r", "r-node-a", "node", "n1", "node:1", "node@sha256:bb", "node"),
		kubectltest.Pod("r", "r-node-b", "node", "n2", "node:1", "", "node"),
	)}
}

func findings(severity report.Severity, subject string) string {
	text, _ := json.Marshal([]report.Finding{{Severity: severity, Check: "c", Subject: subject, Message: "m"}})
	return string(text)
}

func TestPluginDoctor(t *testing.T) {
	calls := kubectltest.Install(t, installed(),
		kubectltest.Answer{To: "exec r-controller-0", Stdout: findings(report.Critical, "backend b"), Code: 2, Stderr: "command terminated with exit code 2"},
		kubectltest.Answer{To: "exec r-node-a", Stdout: findings(report.OK, "this node")})
	code, stdout, stderr := plugin(t, "doctor", "-n", "storage", "--context=c", "--output=json")
	if code != 2 || stderr != "" {
		t.Errorf("code %d, %s", code, stderr)
	}
	var got []report.Finding
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	short := make([]string, 0, len(got))
	for _, f := range got {
		short = append(short, strings.Join([]string{string(f.Severity), f.Check, f.Subject}, "|"))
	}
	want := []string{"critical|c|backend b", "warning|pod-unexamined|node n2: pod storage/r-node-b", "ok|versions|DaemonSet storage/r-node", "ok|c|node n1: this node"}
	if !slices.Equal(short, want) {
		t.Errorf("findings %q, want %q", short, want)
	}
	for _, want := range []string{
		"--context=c --namespace=storage exec r-controller-0 --container=glusterfs-csi -- /glusterfs-csi doctor --config=/c.yaml --output=json",
		"--context=c --namespace=storage exec r-node-a --container=glusterfs-csi -- /glusterfs-csi doctor --node --output=json",
	} {
		if !slices.Contains(calls(), want) {
			t.Errorf("no call %q in %q", want, calls())
		}
	}
}

// A part of the cluster that cannot be examined gives a warning. With --node, only that node is examined.
func TestPluginDoctorOfOneNode(t *testing.T) {
	calls := kubectltest.Install(t, installed(), kubectltest.Answer{To: "exec r-node-a", Code: 1, Stderr: "Error from server (Forbidden): pods is forbidden"})
	code, stdout, _ := plugin(t, "doctor", "--node=n1")
	if code != 1 || !strings.Contains(stdout, "(Forbidden)") || len(calls()) != 2 {
		t.Errorf("code %d, calls %q: %s", code, calls(), stdout)
	}
	code, _, stderr := plugin(t, "doctor", "--node=n3")
	if code != examinationFailed || !strings.Contains(stderr, "kubectl glusterfs-csi doctor: --node=n3: there is no node plugin") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestPluginOrphans(t *testing.T) {
	calls := kubectltest.Install(t, installed(), kubectltest.Answer{To: "exec r-controller-0", Stdout: findings(report.Warning, "volume v"), Code: 1})
	code, stdout, _ := plugin(t, "orphans")
	if code != 1 || !strings.Contains(stdout, "WARNING   volume v (c)") {
		t.Errorf("code %d: %s", code, stdout)
	}
	want := "--namespace=storage exec r-controller-0 --container=glusterfs-csi -- /glusterfs-csi orphans --config=/c.yaml --driver-name=my.driver --in-cluster --output=json"
	if !slices.Contains(calls(), want) {
		t.Errorf("no call %q in %q", want, calls())
	}
	kubectltest.Install(t, installed(), kubectltest.Answer{To: "exec", Code: 3, Stderr: "glusterfs-csi orphans: it failed\ncommand terminated with exit code 3"})
	if code, _, stderr := plugin(t, "orphans"); code != examinationFailed || stderr != "kubectl glusterfs-csi orphans: glusterfs-csi orphans: it failed\n" {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestPluginImport(t *testing.T) {
	calls := kubectltest.Install(t, installed(), kubectltest.Answer{To: "exec r-controller-0", Stdout: "---\nkind: PersistentVolume\n", Stderr: "Warning: shared\n"})
	code, stdout, stderr := plugin(t, "import", "data", "--claim=shop/data", "--read-only")
	if code != 0 || stdout != "---\nkind: PersistentVolume\n" || stderr != "Warning: shared\n" {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
	want := "--namespace=storage exec r-controller-0 --container=glusterfs-csi -- /glusterfs-csi import --config=/c.yaml --driver-name=my.driver --claim=shop/data --read-only=true -- data"
	if !slices.Contains(calls(), want) {
		t.Errorf("no call %q in %q", want, calls())
	}
	before := len(calls())
	if _, help, _ := plugin(t, "import", "--help"); !strings.Contains(help, "in a Heketi of the controller, or for a volume") ||
		strings.Contains(help, "a configured Heketi,") || !strings.Contains(help, "  kubectl glusterfs-csi import data --claim=") {
		t.Errorf("the help is not the plugin's:\n%s", help)
	}
	if code, _, stderr := plugin(t, "import", "data", "--volume-info=/missing"); code != 1 || !strings.Contains(stderr, "--volume-info=/missing") || len(calls()) != before {
		t.Errorf("code %d, %d calls: %s", code, len(calls())-before, stderr)
	}
}

// migrate finds its cluster as kubectl does, and prints it.
func TestPluginMigrate(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "config")
	content := `{"kind": "Config", "apiVersion": "v1", "current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
		"contexts": [{"name": "c", "context": {"cluster": "c"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"migrate", "status"}, "127.0.0.1:1"},
		{[]string{"migrate", "status", "--context=other"}, `context "other" does not exist`},
		{[]string{"migrate", "plan", "--output=-", "--in-cluster"}, "unknown flag: --in-cluster"},
	} {
		if code, _, stderr := plugin(t, tt.args...); code == 0 || !strings.Contains(stderr, tt.says) {
			t.Errorf("%q: code %d: %s", tt.args, code, stderr)
		}
	}
	for _, command := range []string{"plan", "apply", "rollback", "status"} {
		_, help, _ := plugin(t, "migrate", command, "--help")
		if strings.Contains(help, "  glusterfs-csi") || strings.Contains(help, "--kubeconfig=FILE") || !strings.Contains(help, "kubectl glusterfs-csi migrate "+command) {
			t.Errorf("help of %s:\n%s", command, help)
		}
	}
}

// kubectl calls a program of another name to complete a plugin's command lines.
func TestPluginCompletion(t *testing.T) {
	for line, want := range map[string]string{"": "doctor\t", "migrate ": "apply\t", "doctor --no": "--node\t"} {
		var out, errs bytes.Buffer
		if code := programOf(pluginCompletionName)(t.Context(), strings.Split(line, " "), &out, &errs); code != 0 || !strings.Contains("\n"+out.String(), "\n"+want) {
			t.Errorf("%q: code %d, no %q in %s%s", line, code, want, out.String(), errs.String())
		}
	}
	code, stdout, _ := plugin(t)
	if code != 2 || stdout != "" {
		t.Errorf("code %d: %s", code, stdout)
	}
	if code, stdout, _ := command(t, "completion", "bash"); code != 0 || !strings.Contains(stdout, "complete -o default -F __start_glusterfs-csi glusterfs-csi") {
		t.Errorf("code %d: %.300s", code, stdout)
	}
}

package kubectl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl/kubectltest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// one returns a release with a controller and node plugins on two nodes, one of which has an earlier image.
func one() []string {
	return []string{
		kubectltest.Workload("r", "StatefulSet", "r-controller", "controller", "glusterfs-csi-0.1.0", "registry/controller:0.1.0"),
		kubectltest.Workload("r", "DaemonSet", "r-node", "node", "glusterfs-csi-0.1.0", "registry/node:0.1.0"),
		kubectltest.Pod("r", "r-controller-0", "controller", "n1", "registry/controller:0.1.0", "registry/controller@sha256:aa", "controller", "--config=/c.yaml", "--driver-name=my.driver"),
		kubectltest.Pod("r", "r-node-abcde", "node", "n1", "registry/node:0.1.0", "registry/node@sha256:bb", "node"),
		kubectltest.Pod("r", "r-node-fghij", "node", "n2", "registry/node:0.0.9", "registry/node@sha256:cc", "node"),
	}
}

func TestFind(t *testing.T) {
	calls := kubectltest.Install(t, kubectltest.Answer{To: "get", Stdout: kubectltest.List(one()...)})
	found, err := Client{Kubeconfig: "/k", Context: "c", Namespace: "storage"}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--kubeconfig=/k --context=c --namespace=storage get pods,statefulsets,daemonsets --selector=app.kubernetes.io/name=glusterfs-csi --output=json"}
	if diff := cmp.Diff(want, calls()); diff != "" {
		t.Error(diff)
	}
	controller, err := found.Controller()
	if err != nil || controller.Name != "r-controller-0" || controller.Config() != "/c.yaml" || controller.Driver() != "my.driver" {
		t.Errorf("controller %+v, %v", controller, err)
	}
	nodes := found.Nodes()
	if len(nodes) != 2 || nodes[0].Node != "n1" || nodes[1].Node != "n2" || !nodes[0].Running || nodes[0].Driver() != "glusterfs.csi.gluster.org" {
		t.Errorf("nodes %+v", nodes)
	}
}

func TestNotFound(t *testing.T) {
	empty := kubectltest.Answer{To: "get", Stdout: kubectltest.List()}
	two := kubectltest.List(append(one(), kubectltest.Pod("s", "s-controller-0", "controller", "n1", "i", "i@d"))...)
	for name, c := range map[string]struct {
		client  Client
		answers []kubectltest.Answer
		says    []string
	}{
		"in no namespace":       {Client{}, []kubectltest.Answer{empty}, []string{"not in this namespace", "--namespace"}},
		"in another namespace":  {Client{}, []kubectltest.Answer{{To: "--all-namespaces", Stdout: kubectltest.List(one()...)}, empty}, []string{"write --namespace=storage"}},
		"in several releases":   {Client{}, []kubectltest.Answer{{To: "get", Stdout: two}}, []string{"r, s", "--release"}},
		"in another release":    {Client{Release: "x"}, []kubectltest.Answer{{To: "get", Stdout: two}}, []string{"--release=x", "r, s"}},
		"no answer":             {Client{}, []kubectltest.Answer{{To: "get", Code: 1, Stderr: "E1129 09:00:00.000000 1 memcache.go:1] \"x\"\nThe connection was refused\n"}}, []string{"list the driver's pods: The connection was refused"}},
		"an answer that is odd": {Client{}, []kubectltest.Answer{{To: "get", Stdout: "hello"}}, []string{"not a list of objects"}},
	} {
		t.Run(name, func(t *testing.T) {
			kubectltest.Install(t, c.answers...)
			_, err := c.client.Find(t.Context())
			if err == nil {
				t.Fatal("found")
			}
			for _, part := range append(c.says, "") {
				if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "memcache") {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (Client{}).Find(t.Context()); err == nil || !strings.Contains(err.Error(), "kubectl is not in PATH") {
		t.Errorf("without kubectl: %v", err)
	}
}

func TestReleaseIsChosen(t *testing.T) {
	kubectltest.Install(t, kubectltest.Answer{To: "get", Stdout: kubectltest.List(append(one(), kubectltest.Pod("s", "s-controller-0", "controller", "n1", "i", "i@d"))...)})
	found, err := Client{Release: "s"}.Find(t.Context())
	if err != nil || len(found.Pods) != 1 || found.Pods[0].Name != "s-controller-0" || len(found.Workloads) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestNoControllerRuns(t *testing.T) {
	kubectltest.Install(t, kubectltest.Answer{To: "get", Stdout: kubectltest.List(kubectltest.Pod("r", "r-controller-0", "controller", "n1", "i", ""))})
	found, err := Client{}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if pod, err := found.Controller(); err == nil || !strings.Contains(err.Error(), "no controller is running") {
		t.Errorf("%+v, %v", pod, err)
	}
}

func TestExec(t *testing.T) {
	calls := kubectltest.Install(t, kubectltest.Answer{To: "exec", Stdout: "output", Stderr: "glusterfs-csi x: it failed\ncommand terminated with exit code 3\n", Code: 3})
	out, err := Client{Context: "c", Namespace: "elsewhere"}.Exec(t.Context(), Pod{Namespace: "storage", Name: "p"}, "x", "--y")
	exit, ok := errors.AsType[*ExitError](err)
	if string(out) != "output" || !ok || exit.Code != 3 || err.Error() != "glusterfs-csi x: it failed" {
		t.Errorf("%q, %v", out, err)
	}
	if want := "--context=c --namespace=storage exec p --container=glusterfs-csi -- /glusterfs-csi x --y"; !slices.Contains(calls(), want) {
		t.Errorf("%q, want %q", calls(), want)
	}
}

func TestVersions(t *testing.T) {
	kubectltest.Install(t, kubectltest.Answer{To: "get", Stdout: kubectltest.List(append(one(), kubectltest.Workload("r", "DaemonSet", "r-node-edge", "node-edge", "", "registry/node:edge"),
		kubectltest.Pod("r", "r-node-edge-klmno", "node-edge", "n3", "registry/node:edge", ""))...)})
	found, err := Client{}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if nodes := found.Nodes(); len(nodes) != 3 {
		t.Errorf("node plugins %+v", nodes)
	}
	versions := found.Versions()
	got := make([]string, 0, len(versions))
	for _, f := range versions {
		if f.Check != "versions" {
			t.Errorf("check %q", f.Check)
		}
		got = append(got, strings.Join(append([]string{string(f.Severity), f.Subject, f.Message}, f.Commands...), "|"))
	}
	want := []string{
		string(report.OK) + "|StatefulSet storage/r-controller|chart glusterfs-csi-0.1.0, version 0.1.0; image registry/controller:0.1.0 (sha256:aa)",
		string(report.OK) + "|DaemonSet storage/r-node|chart glusterfs-csi-0.1.0, version 0.1.0; image registry/node:0.1.0 (sha256:bb)",
		string(report.Warning) + "|DaemonSet storage/r-node|1 pods have another image: r-node-fghij (registry/node:0.0.9)|kubectl -n storage rollout status daemonset/r-node",
		string(report.OK) + "|DaemonSet storage/r-node-edge|not installed by helm; image registry/node:edge",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

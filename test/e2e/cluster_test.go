package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// These tests check the cluster itself, before the driver is tested.

const busyboxImage = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"

// sleeper is a pod on a node that prints its name and then sleeps.
func sleeper(name, node, more string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeName: %s
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: %s
      command: [sh, -c, "echo I am $HOSTNAME; sleep 1000000"]
%s`, name, node, busyboxImage, more)
}

func TestPodsRunOnBothNodes(t *testing.T) {
	up(t, sleeper("one", "node1", ""), "one")
	up(t, sleeper("two", "node2", ""), "two")
	for _, pod := range []string{"one", "two"} {
		if got := kubectl(t, "logs", pod); got != "I am "+pod+"\n" {
			t.Errorf("log of pod %s is %q", pod, got)
		}
		if got := kubectl(t, "exec", pod, "--", "hostname"); got != pod+"\n" {
			t.Errorf("host name in pod %s is %q", pod, got)
		}
	}
	other := kubectl(t, "get", "pod", "two", "-o", "jsonpath={.status.podIP}")
	storage := cluster.Lab().Storage(1).IP
	for name, command := range map[string]string{
		"a pod on the other node": "ping -c1 -W5 " + other,
		"glusterd":                "nc -w5 " + storage + " 24007 </dev/null",
		"Heketi":                  "timeout 5 wget -q -O- " + cluster.Lab().Heketi().URL + "/hello",
		"the API server":          "nc -w5 10.96.0.1 443 </dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			kubectl(t, "exec", "one", "--", "sh", "-c", command)
		})
	}
	t.Run("and nothing that is not there", func(t *testing.T) {
		if out, err := cluster.Kubectl(t.Context(), "exec", "one", "--", "nc", "-w5", storage, "9"); err == nil {
			t.Errorf("a port without a listener was reached: %s", out)
		}
	})
}

func TestServicesLeadToPods(t *testing.T) {
	web(t, "node1")
	up(t, sleeper("client", "node2", ""), "client")
	up(t, `---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8000, targetPort: 80}]}
`, "")
	address := kubectl(t, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
	eventually(t, func() error {
		page, err := cluster.Kubectl(t.Context(), "exec", "client", "--", "timeout", "5", "wget", "-q", "-O-", "http://"+address+":8000/")
		if err == nil && !strings.Contains(page, "Welcome to nginx") {
			err = fmt.Errorf("the page is %q", page)
		}
		return err
	})
}

func TestMountsOfPodsReachTheNodeAndNotTheHost(t *testing.T) {
	up(t, sleeper("mounter", "node1", `      securityContext: {privileged: true}
      volumeMounts: [{name: dir, mountPath: /dir, mountPropagation: Bidirectional}]
  volumes: [{name: dir, hostPath: {path: /var/lib/kubelet/propagation-test, type: DirectoryOrCreate}}]
`), "mounter")
	const mount = "mkdir -p /dir/inner && mount -t tmpfs shared /dir/inner && touch /dir/inner/seen"
	kubectl(t, "exec", "mounter", "--", "sh", "-c", mount)
	node := cluster.Node(1).Machine
	if out, err := node.Command(t.Context(), "stat", "/var/lib/kubelet/propagation-test/inner/seen").CombinedOutput(); err != nil {
		t.Errorf("the node does not see the pod's mount: %v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "findmnt", "--source", "shared").Output(); err == nil {
		t.Errorf("the host sees the pod's mount: %s", out)
	}
	kubectl(t, "exec", "mounter", "--", "umount", "/dir/inner")
}

// A kubelet sets some kernel parameters that the host has, too.
func TestKubeletsLeaveTheKernelOfTheHostAlone(t *testing.T) {
	out, err := cluster.Node(1).Machine.Command(t.Context(), "stat", "-f", "-c", "%T", "/proc/sys/kernel/panic").Output()
	if err != nil || string(out) != "tmpfs\n" {
		t.Errorf("kernel/panic on the node lies on %q, %v; want a separate file on tmpfs", out, err)
	}
	// Only a kubelet sets 10.
	if out, err := cluster.Node(1).Machine.Command(t.Context(), "cat", "/proc/sys/kernel/panic").Output(); err != nil || strings.TrimSpace(string(out)) != "10" {
		t.Errorf("kernel/panic on the node is %q, %v; want 10, which the kubelet sets", out, err)
	}
}

func TestNodesMayOnlyChangeThemselves(t *testing.T) {
	as := func(node, of string) error {
		_, err := cluster.Kubectl(t.Context(), "--kubeconfig", cluster.Node(1).Kubeconfig(), "label", "--overwrite", "node", of, "test="+node)
		return err
	}
	if err := as("node1", "node1"); err != nil {
		t.Errorf("node1 cannot label itself: %v", err)
	}
	if err := as("node1", "node2"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("node1 labels node2: %v", err)
	}
}

// kubernetesVersion returns the version of the cluster.
func kubernetesVersion(t *testing.T) versions.Version {
	t.Helper()
	var server struct {
		GitVersion string `json:"gitVersion"`
	}
	ok(t, json.Unmarshal([]byte(kubectl(t, "get", "--raw=/version")), &server))
	version, err := versions.Of(server.GitVersion)
	ok(t, err)
	return version
}

func TestKubernetesHasTheWantedVersion(t *testing.T) {
	want, version := versions.Newest(), kubernetesVersion(t)
	if minor := os.Getenv("KUBERNETES"); minor != "" && minor != fmt.Sprintf("1.%d", version.Minor) || minor == "" && version.Minor != want.Minor {
		t.Errorf("the API server has version %s, and KUBERNETES=%q asks for another", version.Release, minor)
	}
	kubelets := strings.Fields(kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.kubeletVersion}"))
	if len(kubelets) != 2 || kubelets[0] != version.Release || kubelets[1] != version.Release {
		t.Errorf("the kubelets are %v, want two of %s", kubelets, version.Release)
	}
}

// The chart checks this, too.
func TestMutatingAdmissionPoliciesAreServed(t *testing.T) {
	_, err := cluster.Kubectl(t.Context(), "get", "mutatingadmissionpolicies.v1.admissionregistration.k8s.io")
	switch has := kubernetesVersion(t).Has(versions.MutatingAdmissionPolicies); {
	case has:
		ok(t, err)
	case err == nil || !strings.Contains(err.Error(), "the server doesn't have a resource type"):
		t.Errorf("a Kubernetes without MutatingAdmissionPolicies returns the error %v, want an unknown resource type", err)
	}
}

func TestPodsOutliveRestartsOfTheCluster(t *testing.T) {
	up(t, sleeper("survivor", "node2", ""), "survivor")
	started := func() string {
		return kubectl(t, "get", "pod", "survivor", "-o", "jsonpath={.status.containerStatuses[0].state.running.startedAt}")
	}
	before := started()
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "etcd", "node2/containerd", "node2/kubelet"} {
		t.Run(name, func(t *testing.T) {
			s := cluster.Services()[name]
			if err := s.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := cluster.APIServer().WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error { // a new kubelet has its pods only a moment after it answers
				_, err := cluster.Kubectl(t.Context(), "exec", "survivor", "--", "true")
				return err
			})
			if after := started(); after != before {
				t.Errorf("the pod started at %s and again at %s", before, after)
			}
		})
	}
	// The killed components work again: this pod needs a controller and the scheduler.
	up(t, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: later}
spec:
  selector: {matchLabels: {app: later}}
  template:
    metadata: {labels: {app: later}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "`+busyboxImage+`", command: [sleep, "1000000"]}]
`, "")
	kubectl(t, "rollout", "status", "deployment/later", "--timeout=3m")
}

func TestANodeComesBackAfterAPowerCut(t *testing.T) {
	up(t, sleeper("victim", "node2", ""), "victim")
	node := cluster.Node(2)
	if err := node.Machine.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", "pod", "victim", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
		if err == nil && out != "1" {
			err = fmt.Errorf("the pod was restarted %s times, want once", out)
		}
		return err
	})
	kubectl(t, "wait", "--for=condition=Ready", "--timeout=3m", "pod/victim")
}

func TestTheHostSeesThePageOfAPod(t *testing.T) {
	web(t, "node1")
	client, err := cluster.HTTPClient()
	if err != nil {
		t.Fatal(err)
	}
	ip := kubectl(t, "get", "pod", "web", "-o", "jsonpath={.status.podIP}")
	resp, err := client.Get("http://" + ip + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(page), "Welcome to nginx") {
		t.Errorf("the page is %q, %v", page, err)
	}
}

// web is a pod with nginx.
func web(t *testing.T, node string) {
	t.Helper()
	up(t, fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: %s
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "nginx:1.22", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}}]
`, node), "web")
}

// eventually retries for up to three minutes: other tests keep the machine busy.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	within(t, 3*time.Minute, try)
}

func within(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	clustertest.Within(t, limit, try)
}

// up applies manifests, removes them when the test ends, and waits for the pod if one is named.
func up(t *testing.T, manifests, pod string) {
	t.Helper()
	clustertest.Apply(t, cluster, manifests, pod)
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return clustertest.Kubectl(t, cluster, args...)
}

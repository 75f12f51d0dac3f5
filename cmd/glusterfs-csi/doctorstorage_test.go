package main

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

// TestDoctorStorage examines a Kubernetes without the chart, and one whose server's pod cannot be reached: everything else is
// still examined.
func TestDoctorStorage(t *testing.T) {
	server := kubetest.New(t, 10)
	server.AddOther("/apis/apps/v1/daemonsets", "DaemonSet")
	config, _ := heketiConfig(t)
	code, stdout, stderr := command(t, "doctor", "--storage", "--kubeconfig="+server.Kubeconfig(t), "--config="+config)
	if code != 1 || stderr != "" || !strings.Contains(stdout, "glusterfs-storage is not installed in any namespace") || !strings.Contains(stdout, "it accepts the key") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}

	server.AddOther("/apis/apps/v1/namespaces/storage/daemonsets", "DaemonSet", `{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"name": "glusterfs", "namespace": "storage"},
		"spec": {"template": {"spec": {"nodeSelector": {"storagenode": "glusterfs"}}}}, "status": {"desiredNumberScheduled": 1}}`)
	server.AddOther("/api/v1/nodes", "Node", `{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "storage1", "labels": {"storagenode": "glusterfs"}}}`)
	server.AddOther("/api/v1/namespaces/storage/pods", "Pod", `{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "glusterfs-x", "namespace": "storage"},
		"spec": {"nodeName": "storage1"}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}`)
	code, stdout, stderr = command(t, "doctor", "--storage", "--storage-namespace=storage", "--kubeconfig="+server.Kubeconfig(t))
	if code != 2 || stderr != "" {
		t.Errorf("code %d, %s", code, stderr)
	}
	for _, says := range []string{"storage in namespace storage, node storage1 (storage-servers)", "GlusterFS does not report", "there is no backup of Heketi's database", "Heketi's pod is ready"} {
		if !strings.Contains(stdout, says) {
			t.Errorf("no %q in\n%s", says, stdout)
		}
	}
	if dryRuns, writes := server.Writes(); len(dryRuns)+len(writes) > 0 {
		t.Errorf("%q, %q: doctor changes nothing", dryRuns, writes)
	}
}

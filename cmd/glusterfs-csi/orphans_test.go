package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

// pvJSON returns a PersistentVolume of the driver.
func pvJSON(name, id string) string {
	return `{"metadata": {"name": "` + name + `"}, "spec": {
		"claimRef": {"namespace": "default", "name": "web"}, "csi": {"driver": "glusterfs.csi.gluster.org", "volumeHandle": "a/` + id + `"}},
		"status": {"phase": "Bound"}}`
}

const noID = "00000000000000000000000000000bad"

// Two Kubernetes clusters share a Heketi. Each has one volume, and the second has lost another.
func TestOrphansOfClusters(t *testing.T) {
	config, heketi := heketiConfig(t)
	cluster := heketitest.NewCluster()
	heketi.ReplaceDatabase(cluster)
	ids := []string{heketi.AddVolume("csi-pvc-1-0123456789abcdef0123", cluster.ID, false), heketi.AddVolume("csi-pvc-2-0123456789abcdef0123", cluster.ID, false)}
	first, second := kubetest.New(t, 1), kubetest.New(t, 1)
	first.Add(pvJSON("pvc-1", ids[0]))
	second.Add(pvJSON("pvc-2", ids[1]), pvJSON("pvc-lost", noID))

	code, stdout, stderr := command(t, "orphans", "--config="+config, "--kubeconfig="+first.Kubeconfig(t), "--kubeconfig="+second.Kubeconfig(t))
	if code != 2 || stderr != "" || strings.Contains(stdout, "volume-without-pv") ||
		!strings.Contains(stdout, "PersistentVolume pvc-lost (Bound, claim default/web) (pv-without-volume)") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	// The first cluster comes from a file, and the second is left out.
	list := writeFile(t, "pvs.json", `{"kind": "PersistentVolumeList", "items": [`+pvJSON("pvc-1", ids[0])+`]}`)
	code, stdout, stderr = command(t, "orphans", "--config="+config, "--pvs="+list, "--kubeconfig="+second.Kubeconfig(t))
	if code != 2 || stderr != "" || strings.Contains(stdout, "volume-without-pv") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	code, stdout, stderr = command(t, "orphans", "--config="+config, "--kubeconfig="+first.Kubeconfig(t))
	if code != 1 || stderr != "" || !strings.Contains(stdout, "volume delete "+ids[1]) {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}

// With only part of the clusters, nothing may be reported.
func TestOrphansOfAClusterThatRefuses(t *testing.T) {
	config, _ := heketiConfig(t)
	good, bad := kubetest.New(t, 1), kubetest.New(t, 1)
	bad.Fail(http.StatusForbidden, "Forbidden", `persistentvolumes is forbidden: User "u" cannot list resource "persistentvolumes"`)
	kubeconfig := bad.Kubeconfig(t)
	code, stdout, stderr := command(t, "orphans", "--config="+config, "--kubeconfig="+good.Kubeconfig(t), "--kubeconfig="+kubeconfig)
	if code != 3 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--kubeconfig="+kubeconfig) ||
		!strings.Contains(stderr, "must allow: list persistentvolumes") {
		t.Errorf("code %d, %q, %s", code, stdout, stderr)
	}
}

// Only the first comparison is tested here. Package orphans tests the later ones, which take ten minutes.
func TestControllerLooksForOrphans(t *testing.T) {
	config, heketi := heketiConfig(t)
	api := kubetest.New(t, 1)
	api.Fail(http.StatusForbidden, "Forbidden", "no")
	args := []string{"controller", "--config=" + config, "--kubeconfig=" + api.Kubeconfig(t), "--report-orphans=1h", "--metrics-address=127.0.0.1:0"}
	p := startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), args...)
	p.awaitLog(t, "Cannot look for orphans: the PersistentVolumes are unknown")
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n := heketi.Requests("GET /db/dump"); n != 0 {
		t.Errorf("Heketi was asked %d times with nothing to compare", n)
	}

	p = startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), args...)
	address, _ := p.awaitLog(t, "Serving metrics")["address"].(string)
	const succeeded = `glusterfs_csi_orphans_last_success_timestamp_seconds{backend="a"} `
	metrics := ""
	for !strings.Contains(metrics, succeeded) || strings.Contains(metrics, succeeded+"0\n") {
		if t.Context().Err() != nil {
			t.Fatalf("no %s in the metrics:\n%s", succeeded, metrics)
		}
		metrics = getMetrics(t, address)
	}
	if strings.Contains(metrics, "glusterfs_csi_orphans{") {
		t.Errorf("figures after the first look:\n%s", metrics)
	}
	if n := heketi.Requests("GET /db/dump"); n != 1 {
		t.Errorf("%d dumps", n)
	}
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

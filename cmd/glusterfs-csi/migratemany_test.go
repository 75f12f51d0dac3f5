package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

// TestMigrateMany: a plan takes one request for each page, not for each PersistentVolume; a dry run makes a few for each.
func TestMigrateMany(t *testing.T) {
	const many = 1000
	config, heketi := heketiConfig(t)
	cluster := heketitest.NewCluster()
	heketi.ReplaceDatabase(cluster)
	server := kubetest.New(t, 500)
	prepareCluster(server)
	claims := make([]string, 0, many)
	for i := range many {
		name := fmt.Sprintf("vol-%d", i)
		id := heketi.AddVolume(name, cluster.ID, false)
		pv := fmt.Sprintf(`{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": %[1]q, "uid": "u-%[1]s", "annotations": {
			"pv.kubernetes.io/provisioned-by": "kubernetes.io/glusterfs", "gluster.kubernetes.io/heketi-volume-id": %[2]q}},
			"spec": {"capacity": {"storage": "2Gi"}, "glusterfs": {"endpoints": "e", "path": %[1]q}, "persistentVolumeReclaimPolicy": "Delete",
			"claimRef": {"namespace": "shop", "name": %[1]q, "uid": "c-%[1]s"}}, "status": {"phase": "Bound"}}`, name, id)
		claim := fmt.Sprintf(`{"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"namespace": "shop", "name": %[1]q, "uid": "c-%[1]s"},
			"spec": {"volumeName": %[1]q}, "status": {"phase": "Bound"}}`, name)
		server.Add(pv)
		server.AddObject("/api/v1/persistentvolumes/"+name, pv)
		server.AddObject("/api/v1/namespaces/shop/persistentvolumeclaims/"+name, claim)
		claims = append(claims, claim)
	}
	server.AddOther("/api/v1/persistentvolumeclaims", "PersistentVolumeClaim", claims...)
	server.AddOther("/api/v1/namespaces/shop/pods", "Pod")
	kubeconfig, plan := server.Kubeconfig(t), filepath.Join(t.TempDir(), "plan.yaml")

	requests := func(what string, most int, args ...string) {
		t.Helper()
		toServer, toHeketi, began := server.Requests(), heketi.Requests(""), time.Now()
		code, _, stderr := command(t, append([]string{"migrate"}, append(args, "--config="+config, "--kubeconfig="+kubeconfig)...)...)
		took := time.Since(began)
		toServer, toHeketi = server.Requests()-toServer, heketi.Requests("")-toHeketi
		if code != 0 || stderr != "" {
			t.Fatalf("%s: code %d, %s", what, code, stderr)
		}
		if toServer > most || toHeketi > 3 {
			t.Errorf("%s: %d requests to the API server, at most %d are expected; %d to Heketi", what, toServer, most, toHeketi)
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		t.Logf("%s of %d PersistentVolumes: %v, %d requests to the API server, %d to Heketi; %d MiB taken from the system", what, many,
			took.Round(time.Millisecond), toServer, toHeketi, memory.Sys>>20)
	}
	const lists, pages = 6, 2 // lists: claims, classes, Endpoints, Services, pods, and the namespace; pages: PersistentVolumes
	requests("plan", lists+pages, "plan", "--output="+plan)
	requests("dry run", 8*many+1, "apply", "--dry-run=server", "--plan="+plan)
	decoded, err := readPlan(plan)
	if err != nil || decoded.Summary.Migrate != many {
		t.Errorf("%v: %+v", err, decoded.Summary)
	}
}

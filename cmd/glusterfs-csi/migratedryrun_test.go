package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// TestMigrateDryRun: in a dry run, every request that would change something has dryRun=All, and no file appears beside the plan.
func TestMigrateDryRun(t *testing.T) {
	config, heketi := heketiConfig(t)
	cluster := heketitest.NewCluster()
	heketi.ReplaceDatabase(cluster)
	id := heketi.AddVolume("vol_x", cluster.ID, false)
	server, kubeconfig := migrationCluster(t)
	inTree := `{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "pvc-1", "uid": "u", "annotations": {
		"pv.kubernetes.io/provisioned-by": "kubernetes.io/glusterfs", "gluster.kubernetes.io/heketi-volume-id": "` + id + `"}},
		"spec": {"capacity": {"storage": "2Gi"}, "glusterfs": {"endpoints": "e", "path": "vol_x"}, "persistentVolumeReclaimPolicy": "Delete"}, "status": {"phase": "Available"}}`
	class := `{"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": {"name": "gluster", "uid": "c"}, "provisioner": "kubernetes.io/glusterfs", "parameters": {"resturl": "` + heketi.URL + `"}}`
	server.Add(inTree)
	server.AddObject("/api/v1/persistentvolumes/pvc-1", inTree)
	server.AddOther("/apis/storage.k8s.io/v1/storageclasses", "StorageClass", class)
	server.AddObject("/apis/storage.k8s.io/v1/storageclasses/gluster", class)
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if code, stdout, stderr := command(t, "migrate", "plan", "--config="+config, "--kubeconfig="+kubeconfig, "--output="+plan); code != 0 {
		t.Fatalf("code %d, %s\n%s", code, stderr, stdout)
	}

	code, stdout, stderr := command(t, "migrate", "apply", "--dry-run=server", "--remove-endpoints", "--plan="+plan, "--config="+config, "--kubeconfig="+kubeconfig)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "would migrate pvc-1 (") || !strings.Contains(stdout, "would migrate StorageClass gluster (") ||
		!strings.HasSuffix(stdout, "Endpoints and Services that would be removed: 0\nwould migrate: 2\nThis was a dry run: nothing was changed.\n") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	documents.Printed(t, "migrate.md", "", stdout, "would migrate ", "This was a dry run")
	dryRuns, writes := server.Writes()
	want := []string{"POST /api/v1/persistentvolumes", "POST /api/v1/persistentvolumes", "PATCH /api/v1/persistentvolumes/pvc-1", "DELETE /api/v1/persistentvolumes/pvc-1",
		"POST /apis/storage.k8s.io/v1/storageclasses", "DELETE /apis/storage.k8s.io/v1/storageclasses/gluster"}
	if !slices.Equal(dryRuns, want) || len(writes)+len(server.Patched()) > 0 {
		t.Errorf("dry runs %q, want %q; others %q, %q", dryRuns, want, writes, server.Patched())
	}
	if files, err := os.ReadDir(filepath.Dir(plan)); err != nil || len(files) != 1 {
		t.Errorf("%v: beside the plan there are %v", err, files)
	}

	// A dry run refuses everything that apply would refuse, with the same exit code.
	server.AddObject("/api/v1/persistentvolumes/pvc-1", strings.Replace(inTree, "vol_x", "vol_y", 1))
	code, stdout, stderr = command(t, "migrate", "apply", "--dry-run=server", "--plan="+plan, "--config="+config, "--kubeconfig="+kubeconfig)
	if code != 1 || !strings.Contains(stdout, "refused     pvc-1") || !strings.Contains(stderr, "1 have changed since the plan was made") {
		t.Errorf("changed: code %d, %s\n%s", code, stderr, stdout)
	}

	// For the other direction, the objects are the plan's replacements.
	decoded, err := readPlan(plan)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(decoded.Volumes[0].Replacement)
	if err != nil {
		t.Fatal(err)
	}
	server.AddObject("/api/v1/persistentvolumes/pvc-1", string(content))
	code, stdout, stderr = command(t, "migrate", "rollback", "--dry-run=server", "--classes=false", "--plan="+plan, "--kubeconfig="+kubeconfig)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "would roll back pvc-1 (") {
		t.Errorf("back: code %d, %s\n%s", code, stderr, stdout)
	}
	if _, writes := server.Writes(); len(writes)+len(server.Patched()) > 0 {
		t.Errorf("back: %q, %q", writes, server.Patched())
	}
}

// TestMigrateApplyMissing: a run that does not select an object which an earlier run deleted reports it, and fails.
func TestMigrateApplyMissing(t *testing.T) {
	_, kubeconfig := migrationCluster(t)
	plan := writeFile(t, "plan.yaml", "version: 1\nid: i\ncluster: uid-cluster\ndriver: d\n")
	if err := os.WriteFile(plan+journalSuffix, []byte("{\"plan\": \"i\"}\n{\"object\": \"persistentvolumes/pvc-9\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"apply"}, {"rollback"}, {"apply", "--dry-run=server"}} {
		code, stdout, stderr := command(t, slices.Concat([]string{"migrate"}, args, []string{"--plan=" + plan, "--kubeconfig=" + kubeconfig})...)
		if code != 1 || !strings.Contains(stdout, "MISSING     pvc-9 (0s): an earlier run of this plan has deleted it") || !strings.Contains(stderr, "1 are MISSING") {
			t.Errorf("%v: code %d, %s\n%s", args, code, stderr, stdout)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// migrationCluster returns a Kubernetes cluster without objects, and a kubeconfig file for it.
func migrationCluster(t *testing.T) (*kubetest.Server, string) {
	t.Helper()
	server := kubetest.New(t, 1)
	prepareCluster(server)
	return server, server.Kubeconfig(t)
}

// prepareCluster makes the server answer everything that a migration reads, with empty lists.
func prepareCluster(server *kubetest.Server) {
	for path, kind := range map[string]string{
		"/api/v1/persistentvolumeclaims": "PersistentVolumeClaim", "/apis/storage.k8s.io/v1/storageclasses": "StorageClass",
		"/api/v1/endpoints": "Endpoints", "/api/v1/services": "Service", "/api/v1/pods": "Pod",
	} {
		server.AddOther(path, kind)
	}
	server.AddObject("/api/v1/namespaces/kube-system", `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system", "uid": "uid-cluster"}}`)
}

func TestMigratePlan(t *testing.T) {
	config, heketi := heketiConfig(t)
	cluster := heketitest.NewCluster()
	heketi.ReplaceDatabase(cluster)
	id := heketi.AddVolume("vol_x", cluster.ID, false)
	server, kubeconfig := migrationCluster(t)
	server.Add(`{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "pvc-1", "annotations": {
		"pv.kubernetes.io/provisioned-by": "kubernetes.io/glusterfs", "gluster.kubernetes.io/heketi-volume-id": "`+id+`"}},
		"spec": {"capacity": {"storage": "2Gi"}, "glusterfs": {"endpoints": "e", "path": "vol_x"}, "persistentVolumeReclaimPolicy": "Delete"}, "status": {"phase": "Available"}}`,
		`{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "by-hand"}, "spec": {"glusterfs": {"endpoints": "e", "path": "archive"}}, "status": {"phase": "Available"}}`)
	server.AddOther("/apis/storage.k8s.io/v1/storageclasses", "StorageClass",
		`{"metadata": {"name": "gluster"}, "provisioner": "kubernetes.io/glusterfs", "parameters": {"resturl": "`+heketi.URL+`", "restuserkey": "topsecret"}}`)

	file := filepath.Join(t.TempDir(), "plan.yaml")
	code, stdout, stderr := command(t, "migrate", "plan", "--config="+config, "--kubeconfig="+kubeconfig, "--output="+file)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "1 to migrate") || !strings.Contains(stdout, "refused  by-hand: nothing proves") ||
		!strings.Contains(stdout, "Nothing was changed") || strings.Contains(stdout, "topsecret") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	asDocumented := strings.NewReplacer("by-hand", "archive", file, "plan.yaml")
	documents.Printed(t, "migrate.md", "", asDocumented.Replace(stdout), "PersistentVolumes: … to migrate (… warnings), …", "  refused ", "The plan is ")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := migrate.Decode(content)
	if err != nil || len(plan.Volumes) != 2 || plan.Volumes[1].Handle != "a/"+id+"/adopted" || plan.Classes[0].Action != migrate.Migrate {
		t.Errorf("%v:\n%s", err, content)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 { // the plan contains a key from a class
		t.Errorf("%v: the plan has mode %v", err, info.Mode())
	}
	if code, _, stderr := command(t, "migrate", "plan", "--config="+config, "--kubeconfig="+kubeconfig, "--output="+file); code != 1 || !strings.Contains(stderr, "may be the backup of a migration") {
		t.Errorf("a plan over a plan: code %d, %s", code, stderr)
	}
	// With volume info instead of Heketi, to standard output.
	proof := writeFile(t, "info.xml", `<cliOutput><opRet>0</opRet><volInfo><volumes><volume><name>archive</name>
		<bricks><brick><name>10.0.0.1:/b</name></brick></bricks></volume></volumes></volInfo></cliOutput>`)
	code, stdout, stderr = command(t, "migrate", "plan", "--kubeconfig="+kubeconfig, "--volume-info="+proof, "--output=-")
	plan, err = migrate.Decode([]byte(stdout))
	if code != 0 || stderr != "" || err != nil || plan.Summary.Migrate != 1 || plan.Summary.Refuse != 1 ||
		!strings.Contains(plan.Classes[0].Reason, "--config=FILE") {
		t.Errorf("code %d, %s, %v\n%s", code, stderr, err, stdout)
	}
	if patched := server.Patched(); len(patched) > 0 {
		t.Errorf("a plan has changed %v", patched)
	}
}

func TestMigrateCommandLines(t *testing.T) {
	_, kubeconfig := migrationCluster(t)
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // outside a pod
	good, bad := writeFile(t, "plan.yaml", "version: 1\nid: i\ncluster: uid-cluster\ndriver: d\n"), writeFile(t, "bad.yaml", "kind: Pod\n")
	elsewhere := writeFile(t, "elsewhere.yaml", "version: 1\nid: i\ncluster: uid-elsewhere\ndriver: d\n")
	foreign := writeFile(t, "foreign.yaml", "version: 1\nid: i\ncluster: uid-cluster\ndriver: d\n")
	if err := os.WriteFile(foreign+journalSuffix, []byte(`{"plan": "z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"plan", "--output=-"}, 2, "--kubeconfig=FILE"},
		{[]string{"plan", "--kubeconfig=" + kubeconfig, "--in-cluster", "--output=-"}, 2, "exclude each other"},
		{[]string{"plan", "--kubeconfig=" + kubeconfig}, 2, "--output=FILE"},
		{[]string{"plan", "--kubeconfig=" + kubeconfig, "--output=-", "--config=/none"}, 1, "--config=/none"},
		{[]string{"plan", "--kubeconfig=" + kubeconfig, "--output=-", "--volume-info=/none"}, 1, "--volume-info=/none"},
		{[]string{"plan", "--kubeconfig=" + kubeconfig, "--output=/none/plan"}, 1, "--output=/none/plan"},
		{[]string{"plan", "--in-cluster", "--output=-"}, 1, "is not in a pod"},
		{[]string{"plan", "x"}, 2, `"x"`},
		{[]string{"apply", "--kubeconfig=" + kubeconfig}, 2, "--plan=FILE"},
		{[]string{"apply", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--max=-1"}, 2, "--max=-1"},
		{[]string{"apply", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--wait=0s"}, 2, "--wait=0s"},
		{[]string{"apply", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--dry-run=client"}, 2, "--dry-run=client: write server or none"},
		{[]string{"apply", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--only=pvc-z"}, 2, `no PersistentVolume "pvc-z"`},
		{[]string{"apply", "--plan=" + bad, "--kubeconfig=" + kubeconfig}, 1, "this is no plan"},
		{[]string{"apply", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--volume-info=/none"}, 1, "--volume-info=/none"},
		{[]string{"apply", "--plan=/none", "--kubeconfig=" + kubeconfig}, 1, "--plan=/none"},
		{[]string{"apply", "--plan=" + elsewhere, "--kubeconfig=" + kubeconfig}, 1, elsewhere + ": the plan was made from another Kubernetes cluster"},
		{[]string{"rollback", "--plan=" + elsewhere, "--kubeconfig=" + kubeconfig}, 1, "uid uid-elsewhere, and here uid-cluster"},
		{[]string{"status", "--plan=" + elsewhere, "--kubeconfig=" + kubeconfig}, 1, "uid uid-elsewhere, and here uid-cluster"},
		{[]string{"apply", "--plan=" + foreign, "--kubeconfig=" + kubeconfig}, 1, foreign + ".journal is the journal of the plan with the id z"},
		{[]string{"apply", "--plan=" + good}, 2, "--kubeconfig=FILE"},
		{[]string{"rollback", "--plan=" + good, "--kubeconfig=" + kubeconfig, "--config=x"}, 2, "--config"},
		{[]string{"status", "--kubeconfig=" + kubeconfig, "--output=xml"}, 2, "--output=xml"},
		{[]string{"status"}, 2, "--kubeconfig=FILE"},
		{nil, 2, "plan, apply, status or rollback"},
		{[]string{"plna"}, 2, `"plna"`},
	} {
		if code, stdout, stderr := command(t, append([]string{"migrate"}, tc.args...)...); code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) {
			t.Errorf("%v: code %d, %q, %q; want %d, %q", tc.args, code, stdout, stderr, tc.code, tc.says)
		}
	}
}

func TestImport(t *testing.T) {
	config, heketi := heketiConfig(t)
	cluster := heketitest.NewCluster()
	heketi.ReplaceDatabase(cluster)
	heketi.AddVolume("data", cluster.ID, false)
	code, stdout, stderr := command(t, "import", "data", "--config="+config, "--claim=shop/data")
	if code != 0 || stderr != "" || strings.Count(stdout, "---\n") != 2 || !strings.Contains(stdout, "servers: 192.0.2.1,192.0.2.2,192.0.2.3") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	code, stdout, stderr = command(t, "import", "data", "--config="+config, "--adopt")
	if code != 0 || strings.Contains(stdout, "Warning") || !strings.Contains(stderr, "another PersistentVolume also has gluster volume data,") || !strings.Contains(stderr, "| grep -w data\n") {
		t.Errorf("adopted: code %d, %s\n%s", code, stderr, stdout)
	}
	content, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	mountOnly := writeFile(t, "mountonly.yaml", strings.Replace(string(content), "name: a,", "name: a, adopt: false,", 1))
	if code, _, stderr := command(t, "import", "data", "--config="+mountOnly, "--adopt"); code != 1 || !strings.Contains(stderr, "adopt: false") {
		t.Errorf("adopted where that is off: code %d, %s", code, stderr)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "name one volume"}, {[]string{"data"}, 2, "--volume-info=FILE"}, {[]string{"data", "--config=/none"}, 1, "--config=/none"},
		{[]string{"data", "--volume-info=/none"}, 1, "--volume-info=/none"}, {[]string{"other", "--config=" + config, "--size=1Gi"}, 1, "nothing proves"},
	} {
		if code, stdout, stderr := command(t, append([]string{"import"}, tc.args...)...); code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) {
			t.Errorf("%v: code %d, %q, %q", tc.args, code, stdout, stderr)
		}
	}
}

func TestMigratePrintRBAC(t *testing.T) {
	for _, name := range []string{"plan", "apply", "rollback", "status"} {
		code, stdout, stderr := command(t, "migrate", name, "--print-rbac")
		if code != 0 || stderr != "" || !strings.Contains(stdout, "kind: ClusterRole\nmetadata:\n  name: glusterfs-csi-migrate-"+name+"\n") {
			t.Errorf("%s: code %d, %s\n%s", name, code, stderr, stdout)
		}
	}
	if _, stdout, _ := command(t, "migrate", "apply", "--print-rbac", "--scale-down"); !strings.Contains(stdout, "resources: [deployments]") {
		t.Errorf("with --scale-down:\n%s", stdout)
	}
}

func TestMigrateStatus(t *testing.T) {
	server, kubeconfig := migrationCluster(t)
	server.Add(`{"metadata": {"name": "old"}, "spec": {"glusterfs": {"path": "v"}, "persistentVolumeReclaimPolicy": "Delete", "claimRef": {"namespace": "shop", "name": "data"}}, "status": {"phase": "Bound"}}`,
		`{"metadata": {"name": "new", "annotations": {"glusterfs.csi.gluster.org/migrated-from": "kubernetes.io/glusterfs"}},
			"spec": {"csi": {"driver": "glusterfs.csi.gluster.org"}, "persistentVolumeReclaimPolicy": "Retain"}, "status": {"phase": "Available"}}`,
		`{"metadata": {"name": "other"}, "spec": {"csi": {"driver": "glusterfs.csi.gluster.org"}}}`)
	server.AddOther("/api/v1/persistentvolumeclaims", "PersistentVolumeClaim", `{"metadata": {"namespace": "shop", "name": "data"}, "status": {"phase": "Lost"}}`)
	code, stdout, stderr := command(t, "migrate", "status", "--kubeconfig="+kubeconfig)
	const want = "NAME  KIND      PHASE      POLICY  CLAIM      CLAIM'S PHASE\nnew   migrated  Available  Retain             \nold   in-tree   Bound      Delete  shop/data  Lost\n"
	if code != 0 || stderr != "" || stdout != want {
		t.Errorf("code %d, %s, got\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	documents.Printed(t, "migrate.md", "", stdout, "NAME KIND ")
	code, stdout, stderr = command(t, "migrate", "status", "--kubeconfig="+kubeconfig, "--output=json")
	if code != 0 || stderr != "" || !strings.Contains(stdout, `"claimPhase": "Lost"`) {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
	server.AddOther("/api/v1/persistentvolumeclaims", "PersistentVolumeClaim",
		`{"metadata": {"namespace": "shop", "name": "web"}, "spec": {"volumeName": "gone"}, "status": {"phase": "Lost"}}`)
	code, stdout, stderr = command(t, "migrate", "status", "--kubeconfig="+kubeconfig)
	if code != 1 || !strings.Contains(stderr, "1 PersistentVolumes are MISSING (gone)") || !strings.Contains(stdout, "\ngone  MISSING") || !strings.Contains(stdout, "shop/web   Lost") {
		t.Errorf("one is missing: code %d, %s\n%s", code, stderr, stdout)
	}
	_, kubeconfig = migrationCluster(t)
	if code, stdout, stderr := command(t, "migrate", "status", "--kubeconfig="+kubeconfig, "--output=json"); code != 0 || stderr != "" || stdout != "[]\n" {
		t.Errorf("without any: code %d, %s, %q", code, stderr, stdout)
	}
}

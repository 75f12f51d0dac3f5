package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestMigrateDocument follows docs/migrate.md word for word, on a cluster as administrators have it: with volumes of the in-tree plugin,
// pods that wait for them, a claim that waits for a volume, a gluster volume that no Heketi has, and without this driver. The
// file's name puts it beside TestTutorial, which needs no driver either: after a removal, TestMigrate would wait for minutes.
func TestMigrateDocument(t *testing.T) {
	noDriver(t)
	t.Cleanup(func() { ok(t, onCluster(t).Uninstall(context.Background())) })
	byHand(t, "archive")
	importable(t, "data")
	old := inTreeVolume(t, 40007)
	s := newSpace(t, "shop")
	s.class(inTreeClass("gluster"))
	s.apply(old.manifest(s.namespace, "gluster") + archiveInTree(s.namespace) + claim("new", "gluster", "ReadWriteMany", "1Gi") + withFSGroup(deployment("web", "dynamic")))
	s.bound("dynamic")
	s.bound("archive")
	uids := func() string { return s.kubectl("get", "pvc", "-o", "jsonpath={.items[*].metadata.uid}") }
	before := uids()

	yours := map[string]string{"PV": s.namespace + "-dynamic", "NAMESPACE": s.namespace, "WORKLOAD": "deployment/web"}
	err := tutorial.InLab(t.Context(), cluster, root, filepath.Join("docs", "migrate.md"), yours, t.Output(), false)
	if err != nil {
		t.Fatal(err)
	}
	s.bound("new")
	s.bound("archive")
	if now := uids(); now != before {
		t.Errorf("the claims had the uids %s, and have %s", before, now)
	}
	if group := s.kubectl("exec", "deployment/web", "--", "stat", "-c", "%g", "/data"); strings.TrimSpace(group) != "40007" {
		t.Errorf("the volume's directory had the group 40007, and has %s", group)
	}
	// Old manifests, which may still be in Git, are refused and change nothing.
	const class = "provisioner: Forbidden: updates to provisioner are forbidden" // with a later Kubernetes, "field is immutable"
	if err := cluster.Apply(t.Context(), inTreeClass("gluster")); err == nil || !strings.Contains(err.Error(), "immutable") && !strings.Contains(err.Error(), class) {
		t.Errorf("the old class can still be applied, or its error is another: %v", err)
	}
	const source = `{"spec": {"csi": null, "glusterfs": {"endpoints": "glusterfs-cluster", "path": "archive"}}}`
	if _, err := s.try("patch", "pv", "archive", "-p", source); err == nil || !strings.Contains(err.Error(), "immutable") {
		t.Errorf("the old source can still be applied, or its error is another: %v", err)
	}
	if left := s.kubectl("get", "endpoints,services", "-o", "name"); strings.Contains(left, "glusterfs-dynamic-") {
		t.Errorf("left of the in-tree plugin: %s", left)
	}
}

// withFSGroup gives the pods of a Deployment an fsGroup, as many charts do. The in-tree plugin ignored it.
func withFSGroup(deployment string) string {
	return strings.Replace(deployment, "      containers:", "      securityContext: {fsGroup: 1234}\n      containers:", 1)
}

// byHand creates a gluster volume that no Heketi has, as an administrator does. It is deleted at the end of the test.
func byHand(t *testing.T, name string) {
	t.Helper()
	create := []string{"volume", "create", name, "replica", "3"}
	for i := 1; i <= lab.StorageNodes; i++ {
		node := cluster.Lab().Storage(i)
		path := absolute(t, cluster.Lab().Dir(), node.Name, name)
		ok(t, os.MkdirAll(path, 0o755))
		t.Cleanup(func() { ok(t, os.RemoveAll(path)) })
		create = append(create, node.IP+":"+path)
	}
	gluster(t, append(create, "force")...)
	t.Cleanup(func() {
		_, stopped := cluster.Lab().Storage(1).Output(context.Background(), "gluster", "--mode=script", "volume", "stop", name, "force")
		ok(t, stopped)
		_, deleted := cluster.Lab().Storage(1).Output(context.Background(), "gluster", "--mode=script", "volume", "delete", name)
		ok(t, deleted)
	})
	gluster(t, "volume", "start", name)
}

// importable deletes the objects that the document imports when the test ends: a volume, its PersistentVolume and the claim.
func importable(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() {
		ctx := context.Background()
		_, err := cluster.Kubectl(ctx, "delete", "pvc/"+name, "pv/"+name, "--ignore-not-found", patience)
		ok(t, err)
		found, err := outside.InHeketi(ctx, cluster.Lab().Heketi(), name)
		ok(t, err)
		for _, v := range found {
			_, err := cluster.Lab().Heketi().CLI(ctx, "volume", "delete", v.ID)
			ok(t, err)
		}
	})
}

// archiveInTree returns a PersistentVolume of the handmade gluster volume archive, with its claim.
func archiveInTree(namespace string) string {
	return inTreeEndpoints("glusterfs-cluster") + fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata: {name: archive, labels: {e2e: %[1]s}}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  claimRef: {namespace: %[1]s, name: archive}
  glusterfs: {endpoints: glusterfs-cluster, path: archive}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: archive}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: "", volumeName: archive}
`, namespace)
}

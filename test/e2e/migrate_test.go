package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestMigrate migrates volumes of the in-tree plugin to the driver. Their objects are as Kubernetes 1.25 wrote them, they hold
// files of several owners and groups, and a pod waits for each, since no kubelet can mount them any more.
func TestMigrate(t *testing.T) {
	theDriver(t)
	old := inTreeVolume(t, 40007)
	handMade(t, "by-hand")
	s := newSpace(t, "migrate")
	s.class(inTreeClass("in-tree"))
	s.fill("dynamic-filler", old.name, 40007)
	s.fill("static-filler", "by-hand", 0)
	want := s.files("dynamic-filler")
	wantStatic := s.files("static-filler")
	s.kubectl("delete", "pod/dynamic-filler", "pod/static-filler", "pvc/dynamic-filler", "pvc/static-filler", patience)

	dynamic, static := old.manifest(s.namespace, "in-tree"), staticInTree(s.namespace)
	s.apply(dynamic + static)
	for _, claim := range []string{"dynamic", "static"} {
		s.bound(claim)
		s.apply(pod(claim, "", claim, 1000) + pod(claim+"-root", "", claim, 0))
	}
	uid := s.kubectl("get", "pvc", "dynamic", "-o", "jsonpath={.metadata.uid}")
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	config := migrationConfig(t)
	only := []string{"--only=" + s.namespace + "-dynamic", "--only=" + s.namespace + "-static"}
	if out := migrate(t, "plan", "--config="+config, "--output="+plan); !strings.Contains(out, " to migrate") {
		t.Fatal(out)
	}
	again := filepath.Join(t.TempDir(), "again.yaml")
	migrate(t, "plan", "--config="+config, "--output="+again)
	if first, second := readFile(t, plan), readFile(t, again); first != second {
		t.Errorf("the second plan differs:\n%s\n%s", first, second)
	}
	apply := append([]string{"apply", "--plan=" + plan, "--config=" + config}, only...)
	if out := migrate(t, apply...); strings.Count(out, "\n") != 3 || !strings.Contains(out, "migrated: 2\n") {
		t.Errorf("apply: %s", out)
	}
	if out := migrate(t, apply...); !strings.Contains(out, "unchanged: 2\n") {
		t.Errorf("apply again: %s", out)
	}
	s.running("dynamic", "static", "dynamic-root", "static-root")
	if now := s.kubectl("get", "pvc", "dynamic", "-o", "jsonpath={.metadata.uid}"); now != uid {
		t.Errorf("the claim has the uid %s, and had %s", now, uid)
	}
	if groups := s.in("dynamic", "id -G"); !strings.Contains(groups, "40007") {
		t.Errorf("the pod has the groups %s", groups)
	}
	for claim, want := range map[string]string{"dynamic": want, "static": wantStatic} {
		if got := s.files(claim + "-root"); got != want {
			t.Errorf("%s has\n%s\nand had\n%s", claim, got, want)
		}
	}
	s.in("dynamic", "echo new > /data/group/new")
	s.inFails("static", "echo new > /data/new") // readOnly: true

	migrate(t, "apply", "--plan="+plan, "--config="+config) // the classes
	notSuspect(t)
	s.kubectl("patch", "pvc", "dynamic", "-p", `{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}`)
	s.grown("dynamic", "2Gi")
	s.kubectl("delete", "pod/static", "pod/static-root", patience)
	s.apply(deployment("web", "static"))
	s.kubectl("rollout", "status", "deployment/web", patience)
	if out := migrate(t, "rollback", "--plan="+plan, "--only="+s.namespace+"-static", "--scale-down"); !strings.Contains(out, "rolled back: 1\n") {
		t.Errorf("rollback: %s", out)
	}
	if replicas := s.kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {.metadata.annotations}"); !strings.HasPrefix(replicas, "1 ") ||
		strings.Contains(replicas, "replicas-before-migration") {
		t.Errorf("after the rollback the Deployment has %s", replicas)
	}
	if path := s.kubectl("get", "pv", s.namespace+"-static", "-o", "jsonpath={.spec.glusterfs.path}"); path != "by-hand/" && path != "by-hand" {
		t.Errorf("after the rollback its path is %q", path)
	}
	s.bound("static")

	s.apply(command(t, "import", "by-hand", "--config="+config, "--name="+s.namespace+"-imported", "--claim="+s.namespace+"/imported") + pod("imported", "", "imported", 0))
	kubectl(t, "label", "pv", s.namespace+"-imported", "e2e="+s.namespace)
	s.running("imported")
	if got := s.files("imported"); got != wantStatic {
		t.Errorf("imported, it has\n%s\nand had\n%s", got, wantStatic)
	}
	s.kubectl("delete", "pod/dynamic", "pod/dynamic-root", "pvc/dynamic", patience)
	eventually(t, func() error {
		if left := inHeketi(t, cluster.Lab().Heketi(), old.name); len(left) > 0 {
			return fmt.Errorf("Heketi has %v", left)
		}
		return nil
	})
}

// notSuspect waits until a controller that has no notes of an earlier one treats an expansion as the volume's first. That is two
// minutes after the controller's start.
func notSuspect(t *testing.T) {
	t.Helper()
	started, err := time.Parse(time.RFC3339, inDriver(t, "get", "pod", driver.ControllerPod, "-o", "jsonpath={.status.startTime}"))
	ok(t, err)
	time.Sleep(time.Until(started.Add(2*time.Minute + 10*time.Second)))
}

// deployment returns a Deployment with one pod that uses a claim.
func deployment(name, claim string) string {
	return fmt.Sprintf(`---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: %[2]s, command: [sleep, "1000000"], volumeMounts: [{name: data, mountPath: /data}]}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: %[3]s}}]
`, name, busyboxImage, claim)
}

// fill mounts a gluster volume and creates files of several owners, groups and modes in it.
func (s *space) fill(name, volume string, gid int) {
	s.Helper()
	s.apply(staticVolume(name, s.namespace, servers(), volume) + pod(name, "", name, 0))
	s.running(name)
	s.in(name, fmt.Sprintf(`cd /data && mkdir -p group a/b && chgrp %d group && chmod 2775 group && chmod 700 a
for i in $(seq 1 20); do head -c $((i * 1000)) /dev/urandom > a/b/$i; chown $i:$((i + 100)) a/b/$i; done
echo text > group/file; chown 1000:%d group/file; chmod 640 group/file; ln -s group/file link`, gid, gid))
}

// files lists everything in a pod's volume, for root: owners, groups, modes, sizes and checksums.
func (s *space) files(podName string) string {
	s.Helper()
	return s.in(podName, `cd /data && find . | sort | while read f; do stat -c '%n %u %g %a %s %F' "$f"; done; find . -type f | sort | xargs sha256sum`)
}

// oldVolume is a volume in Heketi, as the in-tree plugin created it.
type oldVolume struct {
	id, name string
	gid      int
}

// inTreeVolume creates a volume for a claim of the in-tree plugin, with more arguments for heketi-cli. The volume is deleted at
// the end of the test, if it still exists.
func inTreeVolume(t *testing.T, gid int, args ...string) oldVolume {
	t.Helper()
	out, err := cluster.Lab().Heketi().CLI(t.Context(), append([]string{"volume", "create", "--size=1", fmt.Sprintf("--gid=%d", gid), "--json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if found, err := outside.InHeketi(ctx, cluster.Lab().Heketi(), made.Name); err == nil && len(found) > 0 {
			_, err := cluster.Lab().Heketi().CLI(ctx, "volume", "delete", made.ID)
			ok(t, err)
		}
	})
	return oldVolume{made.ID, made.Name, gid}
}

// inTreeClass returns a StorageClass of the in-tree plugin.
func inTreeClass(name string) string {
	return fmt.Sprintf(`---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: %s}
provisioner: kubernetes.io/glusterfs
parameters: {resturl: %q, restuser: admin, restuserkey: %q, gidMin: "40000"}
allowVolumeExpansion: true
`, name, cluster.Lab().Heketi().URL, lab.HeketiKey)
}

// manifest returns the objects that the in-tree plugin and its controller wrote.
func (v oldVolume) manifest(namespace, class string) string {
	return inTreeEndpoints("glusterfs-dynamic-"+v.id) + fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: %[1]s-dynamic
  labels: {e2e: %[1]s}
  annotations:
    Description: 'Gluster-Internal: Dynamically provisioned PV'
    gluster.kubernetes.io/heketi-volume-id: "%[2]s"
    gluster.org/type: file
    kubernetes.io/createdby: heketi-dynamic-provisioner
    pv.beta.kubernetes.io/gid: "%[4]d"
    pv.kubernetes.io/provisioned-by: kubernetes.io/glusterfs
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  claimRef: {namespace: %[1]s, name: dynamic}
  glusterfs: {endpoints: glusterfs-dynamic-%[2]s, endpointsNamespace: %[1]s, path: %[3]s}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: %[5]s
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: dynamic}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: %[5]s, volumeName: %[1]s-dynamic}
`, namespace, v.id, v.name, v.gid, class)
}

// staticInTree returns a PersistentVolume that an administrator made by hand.
func staticInTree(namespace string) string {
	return inTreeEndpoints("glusterfs-cluster") + fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s-static, labels: {e2e: %[1]s}}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  claimRef: {namespace: %[1]s, name: static}
  glusterfs: {endpoints: glusterfs-cluster, path: by-hand, readOnly: true}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: ""
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: static}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: "", volumeName: %[1]s-static}
`, namespace)
}

func inTreeEndpoints(name string) string {
	addresses := strings.ReplaceAll("{ip: "+servers()+"}", ",", "}, {ip: ")
	return fmt.Sprintf(`---
apiVersion: v1
kind: Endpoints
metadata: {name: %[1]s, labels: {gluster.kubernetes.io/provisioned-for-pvc: dynamic}}
subsets: [{addresses: [%[2]s], ports: [{port: 1}]}]
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, labels: {gluster.kubernetes.io/provisioned-for-pvc: dynamic}}
spec: {ports: [{port: 1}]}
`, name, addresses)
}

// migrationConfig returns the controller's configuration, as an administrator has it.
func migrationConfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	config := fmt.Sprintf("backends: [{name: %s, url: %q, user: %s, keyFile: %s}]\n", driver.Backend, cluster.Lab().Heketi().URL, lab.HeketiUser, cluster.Lab().Heketi().KeyFile())
	ok(t, os.WriteFile(path, []byte(config), 0o600))
	return path
}

// migrate runs glusterfs-csi migrate as an administrator does.
func migrate(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, append([]string{"migrate"}, append(args, "--kubeconfig="+cluster.Kubeconfig())...)...)
}

// command runs glusterfs-csi as an administrator does.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cluster.Command(t.Context(), filepath.Join(buildDir(), "bin", "glusterfs-csi"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("glusterfs-csi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	ok(t, err)
	return string(content)
}

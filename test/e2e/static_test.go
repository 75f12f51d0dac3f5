package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// testStatic uses a directory of a volume that the driver did not create. The claim selects it by the label of its
// PersistentVolume.
func testStatic(s *space) {
	// The administrator creates the directories and sets their owners.
	s.apply(staticVolume("all-data", s.namespace, servers(), "data") + pod("administrator", "", "all-data", 0))
	s.running("administrator")
	s.in("administrator", "cd /data && mkdir -p projects/a projects/b && chgrp 40001 projects/a && chmod 2775 projects/a")

	s.apply(marked(example(s.T, "static-pv.yaml", exampleServers, servers()), s.namespace))
	if v := s.bound("project"); v.Metadata.Name != "projects-a" {
		s.Errorf("the claim got %s, want projects-a", v.Metadata.Name)
	}
	s.apply(pod("member", "", "project", 1000))
	s.running("member")
	s.in("member", "echo ours > /data/file")
	onBricks(s.T, "data", "projects/a/file", "ours\n")
	if mount := s.in("member", "grep ' /data ' /proc/mounts"); !strings.Contains(mount, "noatime") {
		s.Errorf("the mount does not have the option noatime: %s", mount)
	}
	if other := s.volume("projects-b"); other.Status.Phase != "Available" {
		s.Errorf("projects-b is %s, want Available", other.Status.Phase)
	}

	// The driver does not delete volumes that it did not create.
	s.kubectl("delete", "pod/member", "pvc/project", patience)
	s.phase("projects-a", "Released")
	onBricks(s.T, "data", "projects/a/file", "ours\n")
}

// exampleServers is the list of servers in the examples.
const exampleServers = "10.0.0.1,10.0.0.2,10.0.0.3"

// servers returns the lab's gluster servers.
func servers() string {
	var list []string
	for i := 1; i <= lab.StorageNodes; i++ {
		list = append(list, cluster.Lab().Storage(i).IP)
	}
	return strings.Join(list, ",")
}

// handMade creates a gluster volume of 1 GiB that is not the driver's. It is deleted when the test ends. Call it before newSpace,
// because pods must end first.
func handMade(t *testing.T, name string) {
	t.Helper()
	out, err := cluster.Lab().Heketi().CLI(t.Context(), "volume", "create", "--size=1", "--name="+name, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cluster.Lab().Heketi().CLI(context.Background(), "volume", "delete", made.ID); err != nil {
			t.Error(err)
		}
	})
}

// staticVolume returns the manifests of a PersistentVolume for an existing volume, and of a claim with the same name for it.
func staticVolume(name, namespace, servers, volume string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s, labels: {e2e: %[2]s}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  csi:
    driver: glusterfs.csi.gluster.org
    volumeHandle: %[1]s
    volumeAttributes: {servers: "%[3]s", volume: %[4]s}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %[1]s}
spec:
  storageClassName: ""
  volumeName: %[1]s
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 1Gi}}
`, name, namespace, servers, volume)
}

// marked adds a label to the PersistentVolumes of an example, with which they are deleted at the end of the space.
func marked(manifests, namespace string) string {
	const kind = "kind: PersistentVolume\nmetadata:\n"
	return strings.ReplaceAll(strings.ReplaceAll(manifests,
		kind+"  name: published\n", kind+"  name: published\n  labels: {e2e: "+namespace+"}\n"),
		"  labels:\n    project:", "  labels:\n    e2e: "+namespace+"\n    project:")
}

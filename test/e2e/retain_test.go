package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The patches in docs/kubernetes.md.
const (
	withoutClaim = `[{"op":"remove","path":"/spec/claimRef"}]`
	sameClaim    = `[{"op":"remove","path":"/spec/claimRef/uid"},{"op":"remove","path":"/spec/claimRef/resourceVersion"}]`
)

// testRetain keeps a volume after its claims are deleted, gives it to other claims in both ways of docs/kubernetes.md, and
// deletes it through its policy.
func testRetain(s *space) {
	for _, patch := range []string{withoutClaim, sameClaim} {
		if !strings.Contains(document(s.T, "kubernetes.md"), patch) {
			s.Errorf("docs/kubernetes.md does not say %s", patch)
		}
	}
	s.class(example(s.T, "storageclass-retain.yaml"))
	s.apply(claim("first", "gluster-retain", "ReadWriteMany", "1Gi") + pod("writer", "", "first", 1000))
	v := s.bound("first")
	name := v.Metadata.Name
	const deletePolicy = `{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`
	s.Cleanup(func() { // also when the test fails half-way
		_, _ = cluster.Kubectl(context.Background(), "patch", "pv", name, "-p", deletePolicy)
	})
	s.running("writer")
	s.in("writer", "echo kept > /data/file")
	bricks := mustGluster(s.T, v.gluster()).bricks(s.T)

	s.kubectl("delete", "pod/writer", "pvc/first", patience)
	s.phase(name, "Released")
	onBricks(s.T, v.gluster(), "file", "kept\n")

	// Another claim takes it, by the volume's name.
	s.kubectl("patch", "pv", name, "--type=json", "-p", withoutClaim)
	s.phase(name, "Available")
	second := strings.Replace(claim("second", "gluster-retain", "ReadWriteMany", "1Gi"), "spec:", "spec:\n  volumeName: "+name, 1)
	s.apply(second + pod("second", "", "second", 1000))
	s.running("second")
	if got := s.in("second", "cat /data/file && echo more >> /data/file"); got != "kept\n" {
		s.Errorf("the next claim's pod reads %q", got)
	}
	s.kubectl("delete", "pod/second", "pvc/second", patience)
	s.phase(name, "Released")

	// A claim with the same name takes it: the volume is reserved for that name.
	s.kubectl("patch", "pv", name, "--type=json", "-p", sameClaim)
	s.phase(name, "Available")
	s.apply(claim("second", "gluster-retain", "ReadWriteMany", "1Gi") + pod("third", "", "second", 1000))
	s.running("third")
	if got := s.in("third", "cat /data/file"); got != "kept\nmore\n" {
		s.Errorf("the pod of the claim of the same name reads %q", got)
	}
	s.kubectl("delete", "pod/third", "pvc/second", patience)
	s.phase(name, "Released")

	s.kubectl("patch", "pv", name, "-p", deletePolicy)
	s.kubectl("wait", "--for=delete", patience, "pv/"+name)
	nowhere(s.T, v.gluster(), bricks)
}

// document is a file of docs.
func document(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

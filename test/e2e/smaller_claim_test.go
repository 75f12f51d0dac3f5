package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// growLess makes the claim "growing", whose expansion to 100Ti failed, grow from 1Gi to 2Gi, as docs/troubleshooting.md describes
// for the version of Kubernetes.
func growLess(t *testing.T, s *space, v volume) {
	t.Helper()
	smaller := func() error {
		_, err := s.try("patch", "pvc", "growing", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)
		return err
	}
	if kubernetesVersion(t).Has(versions.SmallerClaims) {
		ok(t, smaller())
	} else {
		const refusal = "field can not be less than previous value"
		if err := smaller(); err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("a smaller request: %v, want %q", err, refusal)
		}
		if !documents.Explains(t, refusal) {
			t.Errorf("docs/troubleshooting.md does not explain %q", refusal)
		}
		claimAgain(t, s, v.Metadata.Name)
		ok(t, smaller())
	}
	s.kubectl("wait", "--for=jsonpath={.spec.capacity.storage}=2Gi", patience, "pv/"+v.Metadata.Name)
}

// claimAgain replaces the claim "growing" by one with the size that its volume has.
func claimAgain(t *testing.T, s *space, pv string) {
	t.Helper()
	const retain, remove = `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`, `{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`
	for _, patch := range []string{retain, remove, sameClaim} {
		if !strings.Contains(document(t, "troubleshooting.md"), patch) {
			t.Errorf("docs/troubleshooting.md does not say %s", patch)
		}
	}
	s.kubectl("patch", "pv", pv, "-p", retain)
	t.Cleanup(func() { // also when the test fails half-way
		_, _ = cluster.Kubectl(context.Background(), "patch", "pv", pv, "-p", remove)
	})
	s.kubectl("delete", "pvc/growing", patience)
	s.phase(pv, "Released")
	s.kubectl("patch", "pv", pv, "--type=json", "-p", sameClaim)
	s.apply(strings.Replace(claim("growing", "gluster-replicate", "ReadWriteMany", "1Gi"), "spec:", "spec:\n  volumeName: "+pv, 1))
	if again := s.bound("growing"); again.Metadata.Name != pv {
		t.Errorf("the claim has the volume %s, want %s", again.Metadata.Name, pv)
	}
	s.kubectl("patch", "pv", pv, "-p", remove)
}

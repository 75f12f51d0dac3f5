package e2e

import (
	"fmt"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// TestControllerAnnotates removes the API server's policy, if it has one. The controller must then annotate PersistentVolumes
// with their group, including those that exist already.
func TestControllerAnnotates(t *testing.T) {
	d := theDriver(t)
	policies := kubernetesVersion(t).Has(versions.MutatingAdmissionPolicies)
	up(t, example(t, "storageclass-replicate.yaml"), "")
	s := newSpace(t, "annotator")
	s.apply(claim("early", "gluster-replicate", "ReadWriteMany", "1Gi"))
	early := s.bound("early")
	s.kubectl("annotate", "pv", early.Metadata.Name, "pv.beta.kubernetes.io/gid-") // the policy applies to new ones only
	if err := d.Upgrade(t.Context(), "gidAnnotation=controller"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Upgrade(t.Context()); err != nil {
			t.Error(err)
		}
		if policies && kubectl(t, "get", "mutatingadmissionpolicies", "-o", "name") == "" {
			t.Error("the policy does not come back")
		}
	}()
	if policies {
		if left := kubectl(t, "get", "mutatingadmissionpolicies,mutatingadmissionpolicybindings", "-o", "name"); left != "" {
			t.Errorf("there are still the policies %s", left)
		}
	}
	s.apply(claim("late", "gluster-replicate", "ReadWriteMany", "1Gi"))
	s.annotated(early)
	s.annotated(s.bound("late"))
	s.apply(pod("user", "", "late", 1000))
	s.running("user")
	s.in("user", "echo mine > /data/file")
}

// annotated waits until a volume has the annotation with its group, as pods need that run without root.
func (s *space) annotated(v volume) {
	s.Helper()
	gid := v.Spec.CSI.VolumeAttributes["gid"]
	eventually(s.T, func() error {
		if got := s.volume(v.Metadata.Name).Metadata.Annotations["pv.beta.kubernetes.io/gid"]; got != gid {
			return fmt.Errorf("volume %s has the annotation %q, want %q", v.Metadata.Name, got, gid)
		}
		return nil
	})
}

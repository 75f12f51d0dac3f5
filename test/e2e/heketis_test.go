package e2e

import (
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// testTwoHeketis creates a volume in each of two Heketis, and deletes each through its own Heketi.
func testTwoHeketis(s *space) {
	// disperse:8:3 needs eleven servers, more than there are.
	s.class(example(s.T, "storageclass-two-heketis.yaml", "disperse:8:3", "replicate:3"))
	s.apply(claim("here", "gluster-production", "ReadWriteMany", "1Gi") + claim("there", "gluster-archive", "ReadWriteMany", "1Gi"))
	here, there := s.bound("here"), s.bound("there")
	first, second := cluster.Lab().Heketi(), cluster.Lab().SecondHeketi()
	check := func(v volume, inFirst, inSecond int) {
		s.Helper()
		if a, b := inHeketi(s.T, first, v.gluster()), inHeketi(s.T, second, v.gluster()); len(a) != inFirst || len(b) != inSecond {
			s.Errorf("%s is %d times in the first and %d times in the second Heketi, want %d and %d",
				v.gluster(), len(a), len(b), inFirst, inSecond)
		}
	}
	check(here, 1, 0)
	check(there, 0, 1)
	for v, backend := range map[string]string{here.Spec.CSI.VolumeHandle: driver.Backend, there.Spec.CSI.VolumeHandle: driver.ArchiveBackend} {
		if !strings.HasPrefix(v, backend+"/") {
			s.Errorf("the handle %s does not begin with %s", v, backend)
		}
	}
	s.kubectl("delete", "pvc", "--all", patience)
	s.kubectl("wait", "--for=delete", patience, "pv/"+here.Metadata.Name, "pv/"+there.Metadata.Name)
	check(here, 0, 0)
	check(there, 0, 0)
}

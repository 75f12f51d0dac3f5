package e2e

import (
	"slices"
	"strings"
)

// testMountOptions checks that the options of a class reach the mount in the pod and the command line of the client on the node.
func testMountOptions(s *space) {
	s.class(example(s.T, "storageclass-mount-options.yaml"))
	s.apply(claim("data", "gluster-mount-options", "ReadWriteMany", "1Gi") + pod("main", "node1", "data", 0))
	v := s.bound("data")
	if want := []string{"noatime", "log-level=ERROR", "attribute-timeout=5", "entry-timeout=5"}; !slices.Equal(v.Spec.MountOptions, want) {
		s.Errorf("the PersistentVolume has the mount options %q, want %q", v.Spec.MountOptions, want)
	}
	s.running("main")
	if mount := s.in("main", "grep ' /data ' /proc/mounts"); !strings.Contains(mount, "fuse.glusterfs") || !strings.Contains(mount, "noatime") {
		s.Errorf("in the pod: %s", mount)
	}
	found := clients(s.T, 1, v.gluster())
	if len(found) != 1 {
		s.Fatalf("node1 has the clients %q, want one", found)
	}
	for _, want := range []string{"--log-level=ERROR", "--attribute-timeout=5", "--entry-timeout=5"} {
		if !slices.Contains(found[0].Args, want) {
			s.Errorf("the client does not have %s: %s", want, found[0])
		}
	}
}

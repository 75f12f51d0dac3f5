package e2e

import (
	"errors"
	"strings"
)

// testReadOnlyMany mounts a prefilled volume on both nodes and reads it, and checks that dynamic volumes can be read-only, too.
func testReadOnlyMany(s *space) {
	s.apply(staticVolume("publisher", s.namespace, servers(), "data") + pod("publisher", "node1", "publisher", 0))
	s.running("publisher")
	s.in("publisher", "mkdir /data/published && echo news > /data/published/file")

	s.apply(marked(example(s.T, "pvc-rox.yaml", exampleServers, servers(), "volume: published", "volume: data/published"), s.namespace) + claim("empty", "gluster-replicate", "ReadOnlyMany", "1Gi"))
	s.apply(pod("reader-1", "node1", "data-rox", 0) + pod("reader-2", "node2", "data-rox", 0) + pod("reader-3", "", "empty", 0))
	s.running("reader-1", "reader-2", "reader-3")
	for _, reader := range []string{"reader-1", "reader-2"} {
		if got := s.in(reader, "cat /data/file"); got != "news\n" {
			s.Errorf("%s reads %q", reader, got)
		}
	}
	for _, reader := range []string{"reader-1", "reader-2", "reader-3"} {
		if said := s.inFails(reader, "touch /data/new"); !strings.Contains(said, "Read-only file system") {
			s.Errorf("%s: the failed write printed %s", reader, said)
		}
	}
}

// testReadWriteOncePod checks that a second pod waits until the first has ended.
func testReadWriteOncePod(s *space) {
	s.apply(example(s.T, "pvc-rwop.yaml") + pod("first", "", "data-rwop", 0))
	s.running("first")
	s.apply(pod("second", "", "data-rwop", 0))
	eventually(s.T, func() error {
		if said := s.events("Pod", "second"); !strings.Contains(said, "ReadWriteOncePod") {
			return errors.New("the second pod's events do not say why it waits: " + said)
		}
		return nil
	})
	if phase := s.kubectl("get", "pod", "second", "-o", "jsonpath={.status.phase}"); phase != "Pending" {
		s.Errorf("the second pod is %s, want Pending", phase)
	}
	s.Logf("what a person sees at the second pod:\n%s", s.events("Pod", "second"))
	s.in("first", "echo one > /data/file")
	s.kubectl("delete", "pod", "first", patience)
	s.running("second")
	if got := s.in("second", "cat /data/file"); got != "one\n" {
		s.Errorf("the second pod reads %q", got)
	}
}

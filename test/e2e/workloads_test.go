package e2e

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// These tests run the workloads of deploy/examples unchanged.

// testEphemeral creates a volume with a pod; the volume is deleted with it.
func testEphemeral(s *space) {
	s.apply(example(s.T, "ephemeral.yaml"))
	s.running("scratch")
	v := s.bound("scratch-work")
	s.in("scratch", "test -s /scratch/started")
	bricks := mustGluster(s.T, v.gluster()).bricks(s.T)
	s.kubectl("delete", "pod", "scratch", "--grace-period=1", patience)
	s.kubectl("wait", "--for=delete", patience, "pvc/scratch-work", "pv/"+v.Metadata.Name)
	nowhere(s.T, v.gluster(), bricks)
}

// testStatefulSet has a volume for each pod, which a recreated pod gets again.
func testStatefulSet(s *space) {
	if !kubernetesVersion(s.T).Has(versions.MutatingAdmissionPolicies) { // its pods would lack the group if the controller is slow
		for _, name := range []string{"data-log-0", "data-log-1"} {
			s.apply(claim(name, "gluster-replicate", "ReadWriteOnce", "1Gi"))
			s.annotated(s.bound(name))
		}
	}
	s.apply(example(s.T, "statefulset.yaml"))
	s.kubectl("rollout", "status", "statefulset/log", patience)
	zero, one := s.bound("data-log-0"), s.bound("data-log-1")
	if zero.gluster() == one.gluster() {
		s.Errorf("both pods have %s", one.gluster())
	}
	s.in("log-0", "echo before > /data/mark")
	s.kubectl("delete", "pod", "log-0", "--grace-period=1", patience)
	s.kubectl("wait", "--for=create", patience, "pod/log-0")
	s.kubectl("rollout", "status", "statefulset/log", patience)
	s.running("log-0")
	if got := s.in("log-0", "cat /data/mark"); got != "before\n" {
		s.Errorf("the recreated pod reads %q", got)
	}
	if again := s.bound("data-log-0"); again.Metadata.Name != zero.Metadata.Name {
		s.Errorf("the recreated pod has %s instead of %s", again.Metadata.Name, zero.Metadata.Name)
	}
	s.inFails("log-1", "test -e /data/mark")
	onBricks(s.T, zero.gluster(), "mark", "before\n")
	s.kubectl("delete", "statefulset", "log", patience)
	s.kubectl("delete", "pod", "--all", "--grace-period=1", patience)
}

// testWebServers serves one volume from three pods on both nodes.
func testWebServers(s *space) {
	// The scheduler may put all pods on one node if the other node is slow to report that it is ready.
	s.apply(example(s.T, "nginx.yaml", "ScheduleAnyway", "DoNotSchedule"))
	s.kubectl("rollout", "status", "deployment/site", schedulersPatience)
	pods := strings.Fields(s.kubectl("get", "pods", "-l", "app=site", "-o", "jsonpath={.items[*].metadata.name}"))
	nodes := strings.Fields(s.kubectl("get", "pods", "-l", "app=site", "-o", "jsonpath={.items[*].spec.nodeName}"))
	slices.Sort(nodes)
	if len(pods) != 3 || len(slices.Compact(nodes)) != 2 {
		s.Errorf("pods %v on nodes %v, want three on two", pods, nodes)
	}
	for i, pod := range pods {
		page := fmt.Sprintf("Written by number %d\n", i)
		if i == 0 {
			page = "Served from GlusterFS\n" // by the first to start
		} else {
			s.in(pod, "printf '"+strings.TrimSpace(page)+"\\n' > /usr/share/nginx/html/index.html")
		}
		for _, other := range pods {
			eventually(s.T, func() error {
				if got := s.page(other); got != page {
					return fmt.Errorf("%s serves %q, want %q", other, got, page)
				}
				return nil
			})
		}
	}
}

// testGrowing applies the same claim again with a larger size. The volume grows at once; the claim shows the new size when a pod
// uses it.
func testGrowing(s *space) {
	s.apply(example(s.T, "expansion.yaml"))
	v := s.bound("growing")
	s.apply(example(s.T, "expansion.yaml", "storage: 2Gi", "storage: 3Gi"))
	s.kubectl("wait", "--for=condition=FileSystemResizePending", patience, "pvc/growing")
	if got := s.volume(v.Metadata.Name).Spec.Capacity["storage"]; got != "3Gi" {
		s.Errorf("the PersistentVolume has %s", got)
	}
	if n := len(mustGluster(s.T, v.gluster()).Bricks); n != 6 {
		s.Errorf("the gluster volume has %d bricks, want 6", n)
	}
	s.apply(pod("user", "", "growing", 0))
	s.running("user")
	if size := s.size("user", "/data"); size < 9*(3<<30)/10 {
		s.Errorf("the pod sees %d bytes of 3 GiB", size)
	}
	s.grown("growing", "3Gi")
}

// testKinds creates a volume of each kind for which there are enough servers.
func testKinds(s *space) {
	kinds := []struct {
		file, class, gluster string
		bricks               int
	}{
		{"storageclass-arbiter.yaml", "gluster-arbiter", "Replicate", 3},
		{"storageclass-distribute.yaml", "gluster-distribute", "Distribute", 1},
	}
	for _, k := range kinds {
		s.class(example(s.T, k.file))
		s.apply(claim(k.class, k.class, "ReadWriteMany", "1Gi"))
	}
	for _, k := range kinds {
		if v := mustGluster(s.T, s.bound(k.class).gluster()); v.Type != k.gluster || len(v.Bricks) != k.bricks {
			s.Errorf("%s made %+v, want %s with %d bricks", k.file, v, k.gluster, k.bricks)
		}
	}
}

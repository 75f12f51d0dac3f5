package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// testChain follows the life of a volume and checks each step from outside: from a claim of the default class, with parameters of
// the in-tree plugin, to a page that several pods serve and write, and then its deletion.
func testChain(s *space) {
	s.apply(claim("site", "", "ReadWriteMany", "1Gi"))
	v := s.bound("site")
	heketi := cluster.Lab().Heketi()

	gid := v.Spec.CSI.VolumeAttributes["gid"]
	if n, err := strconv.Atoi(gid); err != nil || n < driver.GIDMin || n > driver.GIDMax {
		s.Errorf("the group id is %q, want one from %d to %d", gid, driver.GIDMin, driver.GIDMax)
	}
	if got := v.Metadata.Annotations["pv.beta.kubernetes.io/gid"]; got != gid {
		s.Errorf("the annotation with the group id is %q, want %q", got, gid)
	}
	if v.Spec.StorageClassName != driver.DefaultClass || !strings.HasPrefix(v.gluster(), "lab_csi-chain_site-") {
		s.Errorf("class %q, gluster volume %q", v.Spec.StorageClassName, v.gluster())
	}
	if got := inHeketi(s.T, heketi, v.gluster()); len(got) != 1 || got[0].GiB != 1 {
		s.Errorf("Heketi has %+v, want one of 1 GiB", got)
	}
	made := mustGluster(s.T, v.gluster())
	if made.Type != "Replicate" || len(made.Bricks) != 3 {
		s.Errorf("gluster made %+v, want three copies", made)
	}

	const page = "<h1>from GlusterFS</h1>\n"
	s.apply(webServer("web", "node1", "site"))
	s.running("web")
	s.in("web", "echo '<h1>from GlusterFS</h1>' > /usr/share/nginx/html/index.html")
	if got := s.page("web"); got != page {
		s.Errorf("the page is %q", got)
	}
	onBricks(s.T, v.gluster(), "index.html", page)

	// Another node reads and writes.
	s.apply(pod("editor", "node2", "site", 0) + pod("user", "node2", "site", 1000))
	s.running("editor", "user")
	if got := s.in("editor", "cat /data/index.html"); got != page {
		s.Errorf("the other node reads %q", got)
	}
	s.in("editor", "echo '<p>and from node2</p>' >> /data/index.html")
	both := page + "<p>and from node2</p>\n"
	eventually(s.T, func() error { // the client caches attributes for a second
		if got := s.page("web"); got != both {
			return fmt.Errorf("the page is %q, want %q", got, both)
		}
		return nil
	})
	if n := len(clients(s.T, 2, v.gluster())); n != 1 {
		s.Errorf("two pods on node2 have %d clients, want one", n)
	}

	// A user other than root writes with the volume's group, which the kubelet gives the pod automatically.
	if groups := strings.Fields(s.in("user", "id -G")); !slices.Contains(groups, gid) {
		s.Errorf("the pod's groups are %v, want %s among them", groups, gid)
	}
	s.in("user", "echo mine > /data/of-user")
	onBricks(s.T, v.gluster(), "of-user", "mine\n")
	for _, brick := range made.bricks(s.T) {
		if owner := ownerOf(s.T, filepath.Join(brick, "of-user")); owner != "1000:"+gid {
			s.Errorf("the file on the brick belongs to %s, want 1000:%s", owner, gid)
		}
	}

	// The volume grows while it is used.
	if before := s.size("web", "/usr/share/nginx/html"); before > 1<<30 || before < 9*(1<<30)/10 {
		s.Errorf("the pod sees %d bytes of 1 GiB", before)
	}
	s.kubectl("patch", "pvc", "site", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)
	s.grown("site", "2Gi")
	eventually(s.T, func() error { // the kubelet of the other node may have been first
		if size := s.size("web", "/usr/share/nginx/html"); size < 9*(2<<30)/10 {
			return fmt.Errorf("the pod sees %d bytes of 2 GiB", size)
		}
		return nil
	})
	grown := mustGluster(s.T, v.gluster())
	if got := inHeketi(s.T, heketi, v.gluster()); len(grown.Bricks) != 6 || len(got) != 1 || got[0].GiB != 2 {
		s.Errorf("grown to %+v, and in Heketi %+v", grown, got)
	}

	// The data outlive the pods.
	s.kubectl("delete", "pod", "--all", patience)
	s.apply(webServer("web", "node2", "site"))
	s.running("web")
	if got := s.page("web"); got != both {
		s.Errorf("after all pods were deleted, the page is %q, want %q", got, both)
	}

	// Nothing outlives the claim.
	s.kubectl("delete", "pod", "--all", patience)
	s.kubectl("delete", "pvc", "site", patience)
	s.kubectl("wait", "--for=delete", patience, "pv/"+v.Metadata.Name)
	nowhere(s.T, v.gluster(), grown.bricks(s.T))
}

// webServer returns the manifest of a pod with nginx that serves a claim.
func webServer(name, node, claim string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeSelector: {kubernetes.io/hostname: %s}
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: %s
      readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
      volumeMounts: [{name: site, mountPath: /usr/share/nginx/html}]
  volumes:
    - name: site
      persistentVolumeClaim: {claimName: %s}
`, name, node, nginxImage, claim)
}

// size returns the size in bytes that df shows for a directory in a pod.
func (s *space) size(pod, dir string) int {
	s.Helper()
	out := s.in(pod, "df -P -k "+dir+" | tail -n1")
	fields := strings.Fields(out)
	if len(fields) < 2 {
		s.Fatalf("df says %q", out)
	}
	kib, err := strconv.Atoi(fields[1])
	if err != nil {
		s.Fatalf("df says %q", out)
	}
	return kib << 10
}

// ownerOf returns user and group of a file on the host.
func ownerOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("the owner of a file is only known on Linux")
	}
	return fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
}

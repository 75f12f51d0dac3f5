package kube

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "60m", 10 * time.Minute: "10m", 90 * time.Second: "1m30s", 45 * time.Second: "45s"} {
		if got := short(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestRoundNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rounds(time.Hour) {
		if r.Do == nil {
			t.Errorf("round %q does nothing", r.Name)
		}
		if seen[r.Name] {
			t.Errorf("several rounds are called %q", r.Name)
		}
		seen[r.Name] = true
	}
	if !seen["upgrade-60m"] {
		t.Errorf("there is no round of the upgrade among %v", seen)
	}
}

func TestSameImage(t *testing.T) {
	const list = `REF                                              TYPE                                       DIGEST       SIZE      PLATFORMS   LABELS
docker.io/library/glusterfs-csi-node:1            application/vnd.oci.image.manifest.v1+json sha256:aaaa  249.4 MiB linux/amd64 io.cri-containerd.image=managed
docker.io/library/glusterfs-csi-node:previous     application/vnd.oci.image.manifest.v1+json sha256:bbbb  249.4 MiB linux/amd64 io.cri-containerd.image=managed
sha256:1234                                       application/vnd.oci.image.manifest.v1+json sha256:bbbb  249.4 MiB linux/amd64 io.cri-containerd.image=managed
sha256:5678                                       application/vnd.oci.image.manifest.v1+json sha256:aaaa  249.4 MiB linux/amd64 io.cri-containerd.image=managed
`
	got := sameImage(list, ":previous")
	slices.Sort(got)
	if want := []string{"docker.io/library/glusterfs-csi-node:previous", "sha256:1234"}; !slices.Equal(got, want) {
		t.Errorf("the names are %q, want %q", got, want)
	}
	if got := sameImage(list, ":none"); len(got) > 0 {
		t.Errorf("an image that is not there has the names %q", got)
	}
}

func TestVolumesOf(t *testing.T) {
	clients := []string{
		"node2 17 /usr/sbin/glusterfs --volfile-id=/b --process-name=fuse /mount",
		"node1 12 /usr/sbin/glusterfs --volfile-id=/b --process-name=fuse /mount",
		"node1 11 /usr/sbin/glusterfs --volfile-id=/a --process-name=fuse /mount",
	}
	if got, want := volumesOf(clients), []string{"node1 a", "node1 b", "node2 b"}; !slices.Equal(got, want) {
		t.Errorf("the clients' volumes are %q, want %q", got, want)
	}
}

// TestWorkload: a pod that verifies sees the volume's own directories, and not what was mounted there.
func TestWorkload(t *testing.T) {
	r := &Rig{statuses: "/statuses"}
	p := &pod{name: "first-alone", claim: first, node: "node1", propagation: "None"}
	for command, want := range map[string]bool{"run": true, "verify": false} {
		manifest := r.workload(p, p.name, command)
		for _, line := range []string{"mountPath: /volume/first-alone-scratch}", "subPath: first-alone-sub}", "CHAOS_SUBPATH, value: /sub}"} {
			if strings.Contains(manifest, line) != want || strings.Contains(manifest, "%!") {
				t.Errorf("%s: %q is in it: %t\n%s", command, line, !want, manifest)
			}
		}
	}
}

func TestOfVolumes(t *testing.T) {
	for path, want := range map[string]bool{
		"/var/lib/glusterfs-csi/clients/a/mount":                                             true,
		"/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pv/mount":                         true,
		"/var/lib/kubelet/plugins/kubernetes.io/csi/glusterfs.csi.gluster.org/a/globalmount": true,
		"/var/lib/kubelet/pods/1/volumes/kubernetes.io~projected/kube-api-access-x":          false,
		"/run/containerd/io.containerd.runtime.v2.task/k8s.io/a/rootfs":                      false,
	} {
		if got := ofVolumes(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

// TestWithoutShims: ps shortens names to 15 bytes. The process of a container is a stray even if its shim is not.
func TestWithoutShims(t *testing.T) {
	const ps = "containerd\ncontainerd-shim\npause\nglusterfs-csi\ncontainerd-shim\nglusterfs\n"
	if got, want := withoutShims(ps), "containerd\npause\nglusterfs-csi\nglusterfs\n"; got != want {
		t.Errorf("without shims there are %q, want %q", got, want)
	}
}

// TestGrowing: everything that was written before the end is read, even if the end comes first.
func TestGrowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, end := context.WithCancel(t.Context())
	end()
	if data, err := io.ReadAll(growing{ctx, file}); err != nil || string(data) != "one" {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestLastLine(t *testing.T) {
	for data, want := range map[string]string{"": "", "one\n": "one", "one\ntwo\n": "two", "\n": ""} {
		if got := string(lastLine([]byte(data))); got != want {
			t.Errorf("the last line of %q is %q, want %q", data, got, want)
		}
	}
}

func TestFilesBeneath(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if count, err := filesIn(dir); count != 0 || err != nil {
		t.Errorf("directories count as %d files, %v", count, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "c"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if count, err := filesIn(dir); count != 1 || err != nil {
		t.Errorf("one file counts as %d, %v", count, err)
	}
	if count, err := filesIn(filepath.Join(dir, "gone")); count != 0 || err != nil {
		t.Errorf("a directory that is gone: %d, %v", count, err)
	}
}

package placement

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(containerVariable); name != "" {
		os.Exit(container(name))
	}
	os.Exit(mounttest.RunPrivate(m))
}

// group is the name of cgroups that no other test run uses.
func group(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	return "glusterfs-csi-test-" + strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// glusterfs returns the client that is installed here, or skips the test where `make test` has not installed one.
func glusterfs(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("glusterfs")
	if err != nil && os.Getenv("REQUIRE_GLUSTER") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("the GlusterFS client is not installed")
	}
	return path
}

func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"clients/one", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openNode(t *testing.T, dir string) *Node {
	t.Helper()
	n, err := OpenNode(t.Context(), Config{StateDir: dir, Glusterfs: glusterfs(t), Group: group(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// cgroupsOf returns the path of a process in each hierarchy.
func cgroupsOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(string(data))) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		found[fields[1]] = fields[2]
	}
	return found
}

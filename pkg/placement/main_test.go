package placement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(containerVariable); name != "" {
		os.Exit(container(name))
	}
	if at := os.Getenv(mounterVariable); at != "" {
		os.Exit(mounter(at))
	}
	os.Exit(mounttest.RunPrivate(m))
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

// leavesNoDescriptor fails the test if it leaves a file open. It waits, because a gate is closed a moment after its client has
// ended.
func leavesNoDescriptor(t *testing.T) {
	t.Helper()
	if in, out, err := os.Pipe(); err == nil { // the first pipe opens descriptors that stay open
		_, _ = in.Close(), out.Close()
	}
	before := mounttest.Descriptors(t)
	t.Cleanup(func() {
		for deadline := time.Now().Add(20 * time.Second); mounttest.Descriptors(t) > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors, %d before", mounttest.Descriptors(t), before)
			}
		}
	})
}

func openNode(t *testing.T, dir string) *Node {
	t.Helper()
	n, err := OpenNode(t.Context(), Config{StateDir: dir, Glusterfs: mounttest.Glusterfs(t), Group: mounttest.Cgroup(t)})
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

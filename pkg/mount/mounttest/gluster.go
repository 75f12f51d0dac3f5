package mounttest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Glusterfs returns the client that is installed here, or skips the test where `make test` has not installed one.
func Glusterfs(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("glusterfs")
	if err != nil && os.Getenv("REQUIRE_GLUSTER") != "" {
		tb.Fatal(err)
	}
	if err != nil {
		tb.Skip("the GlusterFS client is not installed")
	}
	return path
}

// Cgroup returns the name of cgroups that no other test run uses.
func Cgroup(tb testing.TB) string {
	tb.Helper()
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		tb.Fatal(err)
	}
	return "glusterfs-csi-test-" + strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// Names returns the names in a directory, separated by blanks.
func Names(tb testing.TB, dir string) string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return strings.Join(names, " ")
}

package mounttest

import (
	"os"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// Glusterfs returns the path of the installed client. It skips the test if `make test` has not installed one.
func Glusterfs(tb testing.TB) string {
	tb.Helper()
	return needs.Program(tb, "glusterfs", "glusterfs-client")
}

// Cgroup returns the name of a cgroup that no other test run uses.
func Cgroup(tb testing.TB) string {
	tb.Helper()
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		tb.Fatal(err)
	}
	return "glusterfs-csi-test-" + strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// Names returns the names in a directory, separated by spaces.
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

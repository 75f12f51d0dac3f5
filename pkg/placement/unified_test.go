package placement

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestNodeKeepsItsCgroupFlags: mounting the hierarchy changes no flag of the node's mount. The tests run as process 1, so their
// mount namespace is the node's.
func TestNodeKeepsItsCgroupFlags(t *testing.T) {
	const flag = "memory_recursiveprot"
	if own, err := os.Readlink("/proc/self/ns/cgroup"); err != nil || own != initialNamespace {
		t.Skipf("only in the first cgroup namespace, mounts have flags; this is %s, %v", own, err)
	}
	before, err := unifiedFlags()
	if err != nil {
		t.Fatal(err)
	}
	set := func(flags ...string) error { // of all mounts, by one more
		dir := t.TempDir()
		return errors.Join(unix.Mount("cgroup2", dir, "cgroup2", 0, strings.Join(flags, ",")), unix.Unmount(dir, unix.MNT_DETACH))
	}
	shown := t.TempDir() // this machine may have no mount of the hierarchy
	if err := unix.Mount("cgroup2", shown, "cgroup2", 0, strings.Join(before, ",")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(set(before...), unix.Unmount(shown, unix.MNT_DETACH)); err != nil {
			t.Error(err)
		}
	})
	var flags []string
	for range 20 { // another test process may set flags at the same time
		if err := set(append([]string{flag}, before...)...); err != nil {
			t.Fatal(err)
		}
		root, err := mountHierarchy("")
		if err != nil {
			t.Fatal(err)
		}
		_ = root.Close()
		if flags, err = unifiedFlags(); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(flags, flag) {
			return
		}
	}
	t.Errorf("the flags are %q, without %s", flags, flag)
}

// TestUnifiedFlags: the flags are those that PID 1's cgroup2 mounts have in common.
func TestUnifiedFlags(t *testing.T) {
	const other = "24 1 0:5 / /dev rw - devtmpfs udev rw,size=1k\n30 23 0:26 / /sys/fs/cgroup/cpu rw - cgroup none rw,cpu\n"
	for table, want := range map[string][]string{
		other: nil,
		other + "31 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 none rw,nsdelegate,memory_recursiveprot\n":   {"nsdelegate", "memory_recursiveprot"},
		"31 23 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup ro,seclabel,context=system_u:x,nsdelegate\n" + other: {"seclabel", "nsdelegate"},
		"31 23 0:27 / /sys/fs/cgroup rw - cgroup2 none rw\n":                                                  {},
		"damaged\n": nil,
	} {
		restore := mounttest.HideProc(t)
		err := errors.Join(os.Mkdir("/proc/1", 0o755), os.WriteFile("/proc/1/mountinfo", []byte(table), 0o600))
		got, readErr := unifiedFlags()
		restore()
		if err != nil || (readErr != nil) != (table == "damaged\n") || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, %v; want %q", table, got, readErr, err, want)
		}
	}
}

// TestFlagsOfASecurityModule: a flag that cgroup2 does not have keeps no client in the container.
func TestFlagsOfASecurityModule(t *testing.T) {
	flags, err := unifiedFlags() // otherwise this test would change those of the machine
	if err != nil {
		t.Fatal(err)
	}
	table := "31 23 0:27 / /sys/fs/cgroup rw - cgroup2 none rw,weather," + strings.Join(flags, ",") + "\n"
	restore := mounttest.HideProc(t)
	err = errors.Join(os.Mkdir("/proc/1", 0o755), os.WriteFile("/proc/1/mountinfo", []byte(table), 0o600))
	root, mountErr := mountHierarchy("")
	restore()
	if err := errors.Join(err, mountErr); err != nil {
		t.Fatal(err)
	}
	_ = root.Close()
}

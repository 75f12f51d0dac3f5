package placement

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestHierarchiesInDoubt: a failure to find the node's cgroups is an error, and leaves no descriptor.
func TestHierarchiesInDoubt(t *testing.T) {
	const unified = "0::/\n"
	before := mounttest.Descriptors(t)
	for says, tt := range map[string]struct {
		files map[string]string
		links map[string]string
	}{
		"/proc/self/cgroup":                {},
		"no three fields":                  {files: map[string]string{"self/cgroup": "nonsense\n"}},
		"self/ns/cgroup":                   {files: map[string]string{"self/cgroup": unified}},
		"find the node's cgroup namespace": {files: map[string]string{"self/cgroup": unified}, links: map[string]string{"self/ns/cgroup": "cgroup:[1]"}},
		"enter the node's cgroup namespace": {
			files: map[string]string{"self/cgroup": unified, "1/ns/cgroup:[2]": ""}, links: map[string]string{"self/ns/cgroup": "cgroup:[1]", "1/ns/cgroup": "cgroup:[2]"}},
		"mount the cgroup hierarchy \"weather\"": {
			files: map[string]string{"self/cgroup": "1:weather:/\n"}, links: map[string]string{"self/ns/cgroup": initialNamespace}},
		"mount the cgroup hierarchy \"\": read the flags of the node's cgroup2 mount": {
			files: map[string]string{"self/cgroup": unified}, links: map[string]string{"self/ns/cgroup": initialNamespace}},
	} {
		restore := mounttest.HideProc(t)
		var err error
		for name, content := range tt.files {
			path := filepath.Join("/proc", name)
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600))
		}
		for name, target := range tt.links {
			path := filepath.Join("/proc", name)
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path))
		}
		groups, openErr := openCgroups()
		restore()
		if err != nil {
			t.Fatal(err)
		}
		if groups != nil || openErr == nil || !strings.Contains(openErr.Error(), says) {
			t.Errorf("got %v, %v; want an error with %q", groups, openErr, says)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestNodeCgroupNamespace: PID 1's namespace is opened only if it is not this process's.
func TestNodeCgroupNamespace(t *testing.T) {
	for name, tt := range map[string]struct {
		own, node string
		opened    bool
	}{
		"the first one":    {initialNamespace, "cgroup:[7]", false},
		"the same one":     {"cgroup:[7]", "cgroup:[7]", false},
		"a container's":    {"cgroup:[8]", initialNamespace, true},
		"in a container's": {"cgroup:[8]", "cgroup:[7]", true},
	} {
		restore := mounttest.HideProc(t)
		err := errors.Join(os.MkdirAll("/proc/self/ns", 0o755), os.MkdirAll("/proc/1/ns", 0o755), os.WriteFile("/proc/1/ns/"+tt.node, nil, 0o600),
			os.Symlink(tt.own, "/proc/self/ns/cgroup"), os.Symlink(tt.node, "/proc/1/ns/cgroup"))
		file, openErr := nodeCgroupNamespace()
		if file != nil {
			_ = file.Close()
		}
		restore()
		if err := errors.Join(err, openErr); err != nil || (file != nil) != tt.opened {
			t.Errorf("%s: %v, %v", name, file, err)
		}
	}
}

// TestMountHierarchyFails: if the kernel or the container does not allow the mount, the error names the step.
func TestMountHierarchyFails(t *testing.T) {
	before := mounttest.Descriptors(t)
	mounttest.WithoutRight(t, unix.CAP_SYS_ADMIN, func() {
		if file, err := mountHierarchy(""); file != nil || !errors.Is(err, unix.EPERM) || !strings.HasPrefix(err.Error(), "fsopen") {
			t.Errorf("without rights: %v, %v", file, err)
		}
	})
	if file, err := mountHierarchy("weather"); file != nil || err == nil || !strings.HasPrefix(err.Error(), "fsconfig") {
		t.Errorf("a controller that does not exist: %v, %v", file, err)
	}
	restore := mounttest.LimitDescriptors(t, 1)
	file, err := mountHierarchy("")
	restore()
	if file != nil || !errors.Is(err, unix.EMFILE) || !strings.HasPrefix(err.Error(), "fsmount") {
		t.Errorf("without a second descriptor: %v, %v", file, err)
	}
	if file, err := mountHierarchy("name=glusterfs-csi-test"); file != nil || err == nil || !strings.HasPrefix(err.Error(), "fsconfig create") {
		t.Errorf("a hierarchy that does not exist: %v, %v", file, err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

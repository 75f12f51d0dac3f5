package placement

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// ordinary returns a hierarchy whose root is an ordinary directory with these files in it. Other tests check the kernel's side on
// the hierarchies of this machine, which has only some kinds.
func ordinary(t *testing.T, controllers string, files map[string]string) hierarchy {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return hierarchy{controllers, root}
}

// write writes files below a directory. The content "/" makes a directory in place of a file.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if content == "/" {
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(content), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read returns the files below a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir+"/", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCreate: a group has the requested limit, and in v1 the processors and memory nodes of its parent group.
func TestCreate(t *testing.T) {
	const available = "cgroup.controllers"
	for name, tt := range map[string]struct {
		controllers string
		files       map[string]string
		limit       int64
		want        map[string]string // files that are written; nil: an error
	}{
		"no limit in v1":       {"memory", nil, 0, map[string]string{}},
		"a limit in v1":        {"memory,hugetlb", nil, 4096, map[string]string{"top/one/memory.limit_in_bytes": "4096", "top/one/memory.memsw.limit_in_bytes": "4096"}},
		"another controller":   {"cpu,cpuacct", nil, 4096, map[string]string{}},
		"no limit in v2":       {"", map[string]string{available: "cpu memory\n"}, 0, map[string]string{"cgroup.subtree_control": "+memory", "top/cgroup.subtree_control": "+memory"}},
		"a limit in v2":        {"", map[string]string{available: "memory"}, 4096, map[string]string{"cgroup.subtree_control": "+memory", "top/cgroup.subtree_control": "+memory", "top/one/memory.max": "4096", "top/one/memory.swap.max": "0", "top/one/memory.oom.group": "1"}},
		"a limit of one byte":  {"", map[string]string{available: "memory"}, 1, map[string]string{"cgroup.subtree_control": "+memory", "top/cgroup.subtree_control": "+memory", "top/one/memory.max": "1", "top/one/memory.swap.max": "0", "top/one/memory.oom.group": "1"}},
		"of one byte in v1":    {"memory", nil, 1, map[string]string{"top/one/memory.limit_in_bytes": "1", "top/one/memory.memsw.limit_in_bytes": "1"}},
		"v2 beside v1":         {"", map[string]string{available: "pids\n"}, 4096, map[string]string{}},
		"processors in v1":     {"cpuset", map[string]string{"cpuset.cpus": "0-1\n", "cpuset.mems": "0\n"}, 0, map[string]string{"top/cpuset.cpus": "0-1", "top/cpuset.mems": "0", "top/one/cpuset.cpus": "0-1", "top/one/cpuset.mems": "0"}},
		"processors refused":   {"cpuset", map[string]string{"cpuset.cpus": "0-1\n", "cpuset.mems": "0\n", "top/one/cpuset.cpus": "/"}, 0, nil},
		"no processors in v1":  {"cpuset", nil, 0, nil},
		"damaged v2":           {"", nil, 0, nil},
		"a limit refused":      {"", map[string]string{available: "memory", "top/one/memory.max": "/"}, 1, nil},
		"the limit of swap":    {"", map[string]string{available: "memory", "top/one/memory.swap.max": "/"}, 1, nil},
		"a controller refused": {"", map[string]string{available: "memory", "top/cgroup.subtree_control": "/"}, 1, nil},
		"a limit of v1":        {"memory", map[string]string{"top/one/memory.limit_in_bytes": "/"}, 1, nil},
		"a file in the way":    {"pids", map[string]string{"top": "file"}, 0, nil},
	} {
		h := ordinary(t, tt.controllers, tt.files)
		err := (&cgroups{hierarchies: []hierarchy{h}}).create("top/one", tt.limit)
		if tt.want == nil {
			if err == nil || !strings.HasPrefix(err.Error(), "create the cgroup top/one of hierarchy ") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		want := maps.Clone(tt.want)
		maps.Copy(want, tt.files)
		if got := read(t, h.path()); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestLimitWithoutEffect: the log tells that a limit has no effect.
func TestLimitWithoutEffect(t *testing.T) {
	v1 := ordinary(t, "pids", nil)
	for name, tt := range map[string]struct {
		second hierarchy
		limit  int64
		logged bool
	}{
		"v1":             {ordinary(t, "memory", nil), 1, false},
		"v1 without":     {ordinary(t, "cpu", nil), 1, true},
		"v2":             {ordinary(t, "", map[string]string{"cgroup.controllers": "cpu memory"}), 1, false},
		"v2 without":     {ordinary(t, "", map[string]string{"cgroup.controllers": "cpu"}), 1, true},
		"without, unset": {ordinary(t, "cpu", nil), 0, false},
	} {
		log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
		n := &Node{cfg: Config{MemoryLimit: tt.limit}, cgroups: &cgroups{hierarchies: []hierarchy{v1, tt.second}}}
		n.checkMemoryLimit(klog.NewContext(t.Context(), log))
		text := log.GetSink().(ktesting.Underlier).GetBuffer().String()
		if strings.Contains(text, "has no effect") != tt.logged {
			t.Errorf("%s: logged %q", name, text)
		}
	}
}

// TestFileThatIsNotThere: a kernel without swap has no file for its limit, and none can be created.
func TestFileThatIsNotThere(t *testing.T) {
	groups := openTestCgroups(t)
	if err := groups.create(mounttest.Cgroup(t)+"/one", 0); err != nil {
		t.Fatal(err)
	}
	for _, h := range groups.hierarchies {
		missing := h.path(mounttest.Cgroup(t), "one", "memory.of.a.later.kernel")
		if err := writeIfThere(missing, "1"); err != nil {
			t.Errorf("hierarchy %q: %v", h.controllers, err)
		}
		if err := writeValue(missing, "1"); err == nil {
			t.Errorf("hierarchy %q: it is there", h.controllers)
		}
	}
	if err := groups.remove(mounttest.Cgroup(t) + "/one"); err != nil {
		t.Error(err)
	}
}

// TestEnter: the thread moves in v1, and the process is created in v2.
func TestEnter(t *testing.T) {
	one, two := ordinary(t, "pids", map[string]string{"g/tasks": ""}), ordinary(t, "", map[string]string{"g/x": ""})
	file, err := (&cgroups{hierarchies: []hierarchy{one, two}}).enter("g")
	if err != nil || file == nil {
		t.Fatalf("%v, %v", file, err)
	}
	defer file.Close()
	if got := read(t, one.path())["g/tasks"]; got != "0" {
		t.Errorf("tasks: %q", got)
	}
	if stat, err := file.Stat(); err != nil || !stat.IsDir() {
		t.Errorf("%v, %v", stat, err)
	}
	for name, h := range map[string]hierarchy{"v1": ordinary(t, "pids", map[string]string{"g/tasks": "/"}), "v2": ordinary(t, "", nil)} {
		if file, err := (&cgroups{hierarchies: []hierarchy{h}}).enter("g"); file != nil || err == nil {
			t.Errorf("%s that cannot be entered: %v, %v", name, file, err)
		}
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if file, err := (&cgroups{hierarchies: []hierarchy{one, two}, namespace: null}).enter("g"); file != nil || !errors.Is(err, unix.EINVAL) {
		t.Errorf("not a namespace: %v, %v", file, err)
	}
}

// TestMemory: one hierarchy counts the memory.
func TestMemory(t *testing.T) {
	other := ordinary(t, "pids", nil)
	for name, tt := range map[string]struct {
		controllers string
		files       map[string]string
		want        int64
	}{
		"v1":             {"cpu,memory", map[string]string{"g/memory.usage_in_bytes": "4096\n"}, 4096},
		"v2":             {"", map[string]string{"g/memory.current": "8192\n"}, 8192},
		"v2 beside v1":   {"", map[string]string{"g/memory.usage_in_bytes": "1\n"}, 0},
		"no such group":  {"memory", nil, 0},
		"another kernel": {"memory", map[string]string{"g/memory.usage_in_bytes": "much\n"}, 0},
		"damaged":        {"", map[string]string{"g/memory.current": "/"}, 0},
		"none":           {"cpu", map[string]string{"g/memory.usage_in_bytes": "1\n", "g/memory.current": "1\n"}, 0},
	} {
		got, err := (&cgroups{hierarchies: []hierarchy{other, ordinary(t, tt.controllers, tt.files)}}).memory("g")
		if got != tt.want || (err == nil) != (tt.want > 0) || errors.Is(err, os.ErrNotExist) != (name == "no such group") {
			t.Errorf("%s: %d, %v; want %d", name, got, err, tt.want)
		}
	}
	hybrid := &cgroups{hierarchies: []hierarchy{ordinary(t, "", nil), ordinary(t, "memory", map[string]string{"g/memory.usage_in_bytes": "4096"})}}
	if got, err := hybrid.memory("g"); got != 4096 || err != nil {
		t.Errorf("v2 before v1: %d, %v", got, err)
	}
}

// TestRemoveWhatCannotBeRemoved: the error names the hierarchy, and the other groups are removed.
func TestRemoveWhatCannotBeRemoved(t *testing.T) {
	groups := &cgroups{hierarchies: []hierarchy{
		ordinary(t, "pids", map[string]string{"top/a-one/x": "", "top/a-two": "/"}), ordinary(t, "cpu", map[string]string{"top/a-one": "/", "top/b": "/", "top/file": ""}),
	}}
	if err := groups.remove("top/a-one"); !errors.Is(err, unix.ENOTEMPTY) || !strings.HasPrefix(err.Error(), `remove the cgroup top/a-one of hierarchy "pids"`) {
		t.Errorf("%v", err)
	}
	if names, err := groups.names("top"); err != nil || !slices.Equal(names, []string{"a-one", "a-two", "b"}) {
		t.Errorf("%q, %v", names, err)
	}
	if err := groups.removeAll("top", "a-"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("%v", err)
	}
	if names, err := groups.names("top"); err != nil || !slices.Equal(names, []string{"a-one", "b"}) {
		t.Errorf("%q, %v", names, err)
	}
	if err := groups.sweep("top"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("%v", err)
	}
	if names, err := groups.names("top"); err != nil || !slices.Equal(names, []string{"a-one"}) {
		t.Errorf("%q, %v", names, err)
	}
	for name, err := range map[string]error{"sweep": groups.sweep("top/file"), "removeAll": groups.removeAll("top/file", "")} {
		if !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("%s of a directory that cannot be read: %v", name, err)
		}
	}
	if names, err := groups.names("missing"); err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}
}

package placement

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func openTestCgroups(t *testing.T) *cgroups {
	t.Helper()
	groups, err := openCgroups()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, h := range groups.hierarchies { // left by a test that failed
			var left []string
			_ = filepath.WalkDir(h.path(mounttest.Cgroup(t))+"/", func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					left = append(left, path)
				}
				return nil
			})
			for _, path := range slices.Backward(left) {
				_ = unix.Rmdir(path)
			}
		}
		groups.close()
	})
	return groups
}

// TestStartInItsOwnCgroup: a process is in the group from its start, in every hierarchy, and this process is not in it. The machine
// may have both versions of cgroups; a node with v2 alone has no other hierarchy.
func TestStartInItsOwnCgroup(t *testing.T) {
	for name, wanted := range map[string]func(hierarchy) bool{
		"all hierarchies": func(hierarchy) bool { return true },
		"v2 alone":        hierarchy.unified,
	} {
		t.Run(name, func(t *testing.T) {
			groups := openTestCgroups(t)
			groups.hierarchies = slices.DeleteFunc(groups.hierarchies, func(h hierarchy) bool {
				return !wanted(h) && h.root.Close() == nil
			})
			startInItsOwnCgroup(t, groups)
		})
	}
}

func startInItsOwnCgroup(t *testing.T, groups *cgroups) {
	t.Helper()
	own := cgroupsOf(t, os.Getpid())
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: groups}
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := n.StartBeside(cmd, "one"); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, h := range groups.hierarchies {
		used[h.controllers] = true
	}
	for controllers, path := range cgroupsOf(t, cmd.Process.Pid) {
		want := "/" + mounttest.Cgroup(t) + "/one"
		switch {
		case !used[controllers] && path != own[controllers]:
			t.Errorf("hierarchy %q, which is not used: the process is in %s, want %s", controllers, path, own[controllers])
		case used[controllers] && (!strings.HasSuffix(path, want) || controllers == "" && path != want):
			t.Errorf("hierarchy %q: the process is in %s, want %s", controllers, path, want)
		}
	}
	for controllers, path := range cgroupsOf(t, os.Getpid()) {
		if path != own[controllers] {
			t.Errorf("hierarchy %q: this process was in %s and is in %s", controllers, own[controllers], path)
		}
	}
	if bytes, err := n.Memory("one"); (err == nil) != countsMemory(t, groups) || err == nil && bytes <= 0 {
		t.Errorf("memory of a process: %d, %v", bytes, err)
	}
	if err := n.Remove("one"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removing a group with a process: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := n.Remove("one"); err != nil {
		t.Error(err)
	}
	if err := n.Remove("one"); err != nil {
		t.Errorf("a second time: %v", err)
	}
	for _, h := range groups.hierarchies {
		if _, err := os.Stat(h.path(mounttest.Cgroup(t))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("hierarchy %q: the group of all clients is left: %v", h.controllers, err)
		}
	}
}

// countsMemory reports whether one of the hierarchies has the memory controller.
func countsMemory(t *testing.T, groups *cgroups) bool {
	t.Helper()
	return slices.ContainsFunc(groups.hierarchies, func(h hierarchy) bool {
		if !h.unified() {
			return h.controls("memory")
		}
		available, err := os.ReadFile(h.path("cgroup.controllers"))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(strings.Fields(string(available)), "memory")
	})
}

// TestGroupsComeAndGo: when the last client ends, the common parent group is removed while another client's group is being made.
func TestGroupsComeAndGo(t *testing.T) {
	groups := openTestCgroups(t)
	var both sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		both.Go(func() {
			for range 200 {
				path := mounttest.Cgroup(t) + "/" + name
				if err := errors.Join(groups.create(path, 0), groups.remove(path)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	both.Wait()
}

// TestSweep: groups whose processes have ended are removed, without waiting for those in use.
func TestSweep(t *testing.T) {
	groups := openTestCgroups(t)
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: groups}
	for _, name := range []string{"question-1", "question-2", "other"} {
		if err := groups.create(n.group(name), 0); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := n.StartBeside(cmd, "question-2"); err != nil {
		t.Fatal(err)
	}
	left := func(step string, want ...string) {
		t.Helper()
		if names, err := groups.names(n.cfg.Group); err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %q, %v are left, want %q", step, names, err, want)
		}
	}
	if err := n.RemoveAll("question-"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removing a group in use: %v", err)
	}
	left("questions are removed", "other", "question-2")
	if err := n.Sweep(); err != nil {
		t.Error(err)
	}
	left("all that have ended are removed", "question-2")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := n.RemoveAll("question-"); err != nil {
		t.Error(err)
	}
	left("all are removed")
}

// TestMemoryLimit: only the process that exceeds its limit is killed.
func TestMemoryLimit(t *testing.T) {
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: openTestCgroups(t)}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `x=x; while :; do x="$x$x"; done`)
	if err := n.start(cmd, "greedy", 32<<20, unconfined); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(interface{ Signal() unix.Signal }).Signal() != unix.SIGKILL {
		t.Errorf("a process beyond its limit: %v, want it killed", err)
	}
	if err := n.Remove("greedy"); err != nil {
		t.Error(err)
	}
}

// TestStartThatFails: a failed start leaves no group.
func TestStartThatFails(t *testing.T) {
	groups := openTestCgroups(t)
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: groups}
	if err := n.StartBeside(exec.CommandContext(t.Context(), "/does/not/exist"), "one"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	for _, h := range groups.hierarchies {
		if _, err := os.Stat(h.path(mounttest.Cgroup(t))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("hierarchy %q: %v", h.controllers, err)
		}
	}
}

func TestParseHierarchies(t *testing.T) {
	for text, want := range map[string][]string{
		"0::/\n": {""},
		"9:name=systemd:/\n4:cpu,cpuacct:/a:b\n0::/kubepods\n": {"name=systemd", "cpu,cpuacct", ""},
		"":           nil,
		"nonsense\n": nil,
	} {
		got, err := parseHierarchies(strings.NewReader(text))
		if !slices.Equal(got, want) || (err != nil) != (text == "nonsense\n") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if got, err := parseHierarchies(strings.NewReader("0::/" + strings.Repeat("x", 1<<17))); err == nil {
		t.Errorf("a line that is too long: %q", got)
	}
}

func FuzzParseHierarchies(f *testing.F) {
	f.Add("9:name=systemd:/\n0::/x\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := parseHierarchies(strings.NewReader(text))
		if err == nil && len(names) > strings.Count(text, "\n")+1 {
			t.Errorf("%q: %q", text, names)
		}
	})
}

package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

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

// newPlacedNode is newNode with clients outside of the container: fake ones, in the root directory of real ones.
func newPlacedNode(t *testing.T) (*node, *placement.Node) {
	t.Helper()
	path := glusterfs(t)
	n := newNode(t)
	placed, err := placement.OpenNode(t.Context(), placement.Config{StateDir: n.cfg.StateDir, Glusterfs: path, Group: group(t)})
	if err != nil {
		t.Fatal(err)
	}
	copyProgram(t, n.cfg.Glusterfs, filepath.Join(n.cfg.StateDir, placement.TreeDir, placed.Version(), "client"))
	n.cfg.Glusterfs, n.cfg.CgroupName = "/client", group(t)
	n.node.Store(placed)
	t.Cleanup(func() {
		n.cleanUp()
		waitFor(t, "the end of all that was started in cgroups", func() bool { return placed.RemoveAll("") == nil })
		placed.Close()
	})
	return n, placed
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Close()); err != nil {
		t.Fatal(err)
	}
}

// cgroupsOf returns what /proc shows of the cgroups of a process.
func cgroupsOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPlacedClient is outside of the container, is reported so, and leaves nothing.
func TestPlacedClient(t *testing.T) {
	n, placed := newPlacedNode(t)
	r := n.stage()
	n.mustPublish("target")
	if got := cgroupsOf(t, r.Process.PID); !strings.Contains(got, "/"+group(t)+"/"+r.name()+"\n") {
		t.Errorf("its cgroups are %s", got)
	}
	report := n.Report()
	if report.InPod || len(report.Clients) != 1 {
		t.Fatalf("%+v", report)
	}
	if c := report.Clients[0]; c.Name != r.name() || c.PID != r.Process.PID || c.Placement != PlacementNode || c.Version != placed.Version() || c.Memory <= 0 {
		t.Errorf("%+v", c)
	}
	if _, err := n.Stats(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Error(err)
	}
	n.asker.Close() // and its child with it
	waitFor(t, "the cgroup of questions to go", func() bool {
		return errors.Is(placed.RemoveAll(r.name()), unix.EBUSY) && placed.RemoveAll(questions) == nil
	})
	if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if memory, err := placed.Memory(r.name()); err == nil {
		t.Errorf("its cgroup is left, with %d bytes", memory)
	}
	if files := n.files(); strings.Contains(files, r.name()) {
		t.Errorf("files left: %s", files)
	}
}

// TestPlacedClientThatFails leaves no cgroup.
func TestPlacedClientThatFails(t *testing.T) {
	n, placed := newPlacedNode(t)
	if err := n.Stage(t.Context(), source("broken"), n.path("staging")); err == nil || !strings.Contains(err.Error(), "frobnicate") {
		t.Errorf("%v", err)
	}
	n.cfg.Glusterfs = "/missing"
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	n.Close()
	waitFor(t, "the cgroups to go", func() bool { return placed.Sweep() == nil && cgroupsLeft(t) == "" })
}

// cgroupsLeft returns the cgroups of this test run, as far as they are mounted here.
func cgroupsLeft(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/sys/fs/cgroup/*/" + group(t) + "/*")
	more, moreErr := filepath.Glob("/sys/fs/cgroup/" + group(t) + "/*")
	if err := errors.Join(err, moreErr); err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.DeleteFunc(append(found, more...), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.IsDir()
	}), " ")
}

// TestPlacedClientIsKeptUpToDate: names and certificates are the node's as they are now.
func TestPlacedClientIsKeptUpToDate(t *testing.T) {
	if err := unix.Mount("secret", "/etc/ssl", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/etc/ssl", unix.MNT_DETACH) })
	const key = "/etc/ssl/glusterfs.key"
	n, _ := newPlacedNode(t)
	n.cfg.ResolverRoot = t.TempDir()
	hosts := n.cfg.ResolverRoot + "/etc/hosts"
	if err := errors.Join(os.Mkdir(filepath.Dir(hosts), 0o755), os.WriteFile(hosts, []byte("first"), 0o600), os.WriteFile(key, []byte("first"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r := n.stage()
	wants := func(want string) {
		t.Helper()
		for _, path := range []string{key, "/etc/hosts"} {
			if got, err := os.ReadFile(r.Process.procPath("root", path)); err != nil || string(got) != want {
				t.Errorf("%s is %q, %v; want %q", path, got, err, want)
			}
		}
	}
	wants("first")
	if err := errors.Join(os.WriteFile(hosts, []byte("second"), 0o600), os.WriteFile(key, []byte("second"), 0o600)); err != nil {
		t.Fatal(err)
	}
	n.upkeep(t.Context())
	wants("second")
	// One that has no number any more is not looked for.
	if err := refreshSecretsOf(process{r.Process.PID, r.Process.Start - 1}); err != nil {
		t.Error(err)
	}
}

// TestTreesInUseStay, and the others go.
func TestTreesInUseStay(t *testing.T) {
	n, placed := newPlacedNode(t)
	trees := filepath.Join(n.cfg.StateDir, placement.TreeDir)
	r := n.stage()
	if err := errors.Join(os.Rename(filepath.Join(trees, placed.Version()), filepath.Join(trees, "9.6-in-use")), os.Mkdir(filepath.Join(trees, "9.5-unused"), 0o755)); err != nil {
		t.Fatal(err)
	}
	names := func() string {
		t.Helper()
		entries, err := os.ReadDir(trees)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return strings.Join(names, " ")
	}
	n.sweepTrees(klog.Background())
	if got := names(); got != "9.6-in-use" || n.Leftovers() != 0 {
		t.Errorf("while a client uses one: %s, %d leftovers", got, n.Leftovers())
	}
	if clients := Clients(n.cfg.StateDir); len(clients) != 1 || clients[0].Version != "9.6-in-use" {
		t.Errorf("%+v", clients)
	}
	n.kill(r)
	n.sweepTrees(klog.Background())
	if got := names(); got != "" {
		t.Errorf("afterwards: %s", got)
	}
}

// placedDriver is the test binary in the role of a driver that is not process 1. It says where it would start clients.
func placedDriver(stateDir, glusterfs, group string) int {
	cfg := testConfig(stateDir)
	cfg.Placement, cfg.Glusterfs, cfg.CgroupName = PlacementNode, glusterfs, group
	m, err := NewManager(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer m.Close()
	state, err := ReadPlacement(stateDir)
	fmt.Printf("%s, version %s, in the pod: %t, %v, %s", state.Placement, state.Version, m.Report().InPod, err, state.Error)
	return 0
}

// TestDriverThatPlacesClients finds the client that is installed, and says why where it does not.
func TestDriverThatPlacesClients(t *testing.T) {
	dir := t.TempDir()
	glusterfs(t)
	for name, want := range map[string]string{"glusterfs": "node, version 1", "/missing/glusterfs": "pod, version , in the pod: true, <nil>, ", "/bin/false": "translators"} {
		out, err := exec.CommandContext(t.Context(), os.Args[0], "placed", dir, name, group(t)).Output()
		if err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "in the pod: true") == strings.HasPrefix(string(out), "node") {
			t.Errorf("%s: %s, %v; want %q", name, out, err, want)
		}
		if err := os.RemoveAll(filepath.Join(dir, placement.TreeDir)); err != nil { // which would serve without the client, too
			t.Fatal(err)
		}
	}
}

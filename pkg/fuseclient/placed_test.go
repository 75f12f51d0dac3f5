package fuseclient

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// stillOpen holds nodes whose files a process that has just ended may still need, so that they stay open as in a driver.
var stillOpen []*placement.Node

// newPlacedNode is like newNode, with clients outside the container: fake clients in the root directory of real ones.
func newPlacedNode(t *testing.T) (*node, *placement.Node) {
	t.Helper()
	path := mounttest.Glusterfs(t)
	n := newNode(t)
	placed, err := placement.OpenNode(t.Context(), placement.Config{StateDir: n.cfg.StateDir, Glusterfs: path, Group: mounttest.Cgroup(t)})
	if err != nil {
		t.Fatal(err)
	}
	copyProgram(t, n.cfg.Glusterfs, filepath.Join(n.cfg.StateDir, placement.TreeDir, placed.Version(), "client"))
	n.cfg.Glusterfs, n.cfg.CgroupName = "/client", mounttest.Cgroup(t)
	n.node.Store(placed)
	t.Cleanup(func() {
		n.cleanUp()
		waitFor(t, "the end of all that was started in cgroups", func() bool { return placed.RemoveAll("") == nil })
		stillOpen = append(stillOpen, placed)
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

// cgroupsOf returns the cgroups of a process as /proc shows them.
func cgroupsOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPlacedClient: the client is outside the container, is reported so, and leaves nothing.
func TestPlacedClient(t *testing.T) {
	n, placed := newPlacedNode(t)
	r := n.stage()
	n.mustPublish("target")
	if got := cgroupsOf(t, r.Process.PID); !strings.Contains(got, "/"+mounttest.Cgroup(t)+"/"+r.name()+"\n") {
		t.Errorf("its cgroups are %s", got)
	}
	report := n.Report()
	if report.InPod || report.Old != 0 || len(report.Clients) != 1 {
		t.Fatalf("%+v", report)
	}
	if c := report.Clients[0]; c.Name != r.name() || c.PID != r.Process.PID || c.Placement != PlacementNode || c.Version != placed.Version() || c.Memory <= 0 {
		t.Errorf("%+v", c)
	}
	if !n.onFresh(r) {
		t.Error("it has lost its first mount, which repairs need")
	}
	if _, err := n.Stats(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Error(err)
	}
	if left := cgroupsLeft(t); !strings.Contains(left, "/"+questions) {
		t.Errorf("the process that asks is in none of the cgroups %s", left)
	}
	n.asker.Close() // ends its child, too
	waitFor(t, "the cgroup of questions to go", func() bool { return !strings.Contains(cgroupsLeft(t), "/"+questions) })
	if err := n.removeCgroup(r.name()); !errors.Is(err, unix.EBUSY) {
		t.Errorf("the cgroup of a client that runs: %v", err)
	}
	n.node.Store(nil) // as after a restart of a driver that can no longer place clients
	if report := n.Report(); !report.InPod || len(report.Clients) != 1 || report.Clients[0].Placement != PlacementNode || report.Clients[0].Memory != 0 {
		t.Errorf("%+v", report)
	}
	n.node.Store(placed)
	if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("target")), n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if memory, err := placed.Memory(r.name()); err == nil {
		t.Errorf("its cgroup is left; it has %d bytes", memory)
	}
	if files := n.files(); strings.Contains(files, r.name()) {
		t.Errorf("files left: %s", files)
	}
}

// TestPlacedClientThatFails: a client that fails leaves no cgroup.
func TestPlacedClientThatFails(t *testing.T) {
	n, placed := newPlacedNode(t)
	if err := n.Stage(t.Context(), source("broken"), n.path("staging")); err == nil || !strings.Contains(err.Error(), "frobnicate") {
		t.Errorf("%v", err)
	}
	n.cfg.Glusterfs = "/missing"
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := n.startAsker(exec.CommandContext(t.Context(), "/missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a process that asks: %v", err)
	}
	for _, name := range []string{questions + "earlier", "another"} { // left by a driver that was killed
		cmd := exec.CommandContext(t.Context(), "/bin/true")
		if err := errors.Join(placed.StartBeside(cmd, name), cmd.Wait()); err != nil {
			t.Fatal(err)
		}
	}
	n.Close()
	if left := cgroupsLeft(t); strings.Contains(left, questions) || !strings.Contains(left, "/another") {
		t.Errorf("after the end: %s", left)
	}
	n.sweepTrees(klog.Background())
	if left := cgroupsLeft(t); left != "" {
		t.Errorf("after the next start: %s", left)
	}
}

// cgroupsLeft returns the cgroups of this test run that are mounted here.
func cgroupsLeft(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/sys/fs/cgroup/*/" + mounttest.Cgroup(t) + "/*")
	more, moreErr := filepath.Glob("/sys/fs/cgroup/" + mounttest.Cgroup(t) + "/*")
	if err := errors.Join(err, moreErr); err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.DeleteFunc(append(found, more...), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.IsDir()
	}), " ")
}

// TestPlacedClientIsKeptUpToDate: a running client gets the node's current names and certificates.
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
	n.limits.ask = time.Minute
	n.cfg.Placement = PlacementNode // so that the driver does not try again to place clients
	n.upkeep(t.Context())
	wants("second")
	if state, err := ReadPlacement(n.cfg.StateDir); err != nil || state.Error != "" {
		t.Errorf("%+v, %v", state, err)
	}
	if err := os.WriteFile(key, make([]byte, 2<<20), 0o600); err != nil { // more than fits
		t.Fatal(err)
	}
	if err := n.refreshSecretsOf(t.Context(), process{r.Process.PID, r.Process.Start - 1}); err != nil { // as if another process had the number by now
		t.Error(err)
	}
	if err := n.refreshSecretsOf(t.Context(), r.Process); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
	if got, err := os.ReadFile(r.Process.procPath("root", key)); err != nil || string(got) != "second" {
		t.Errorf("the key is %.20q, %v", got, err)
	}
}

// TestResolverIsLoggedOnce: a resolver that cannot be read is logged once.
func TestResolverIsLoggedOnce(t *testing.T) {
	n, _ := newPlacedNode(t)
	n.cfg.ResolverRoot = n.path("missing")
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	for range 3 {
		n.updateResolver(klog.NewContext(t.Context(), log))
	}
	text := log.GetSink().(ktesting.Underlier).GetBuffer().String()
	if strings.Count(text, "GlusterFS clients resolve names with this container's resolver") != 1 || !strings.Contains(text, n.path("missing")) {
		t.Errorf("logged: %s", text)
	}
}

// TestClientOfAnotherDriver: a client of another driver has the same path, which leads to another state directory.
func TestClientOfAnotherDriver(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stage()
	if found := runningClients(n.cfg.StateDir, ""); len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	mounttest.Inside(t, r.Process.PID, func() error { return unix.Mount("tmpfs", filepath.Join(n.cfg.StateDir, "clients"), "tmpfs", 0, "") })
	if found := runningClients(n.cfg.StateDir, ""); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// TestClientThatHidesItsFirstMount: a client that was taken over can put a file system that never answers on any path. The driver
// accesses it only in a child process, and ends the client when its volume is unstaged.
func TestClientThatHidesItsFirstMount(t *testing.T) {
	n, _ := newPlacedNode(t)
	r := n.stage()
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end := func() { once.Do(func() { _ = unix.Close(fuse) }) }
	t.Cleanup(end)
	mounttest.Inside(t, r.Process.PID, func() error {
		options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse)
		return unix.Mount("mute", filepath.Dir(n.freshPath(r)), "fuse", 0, options)
	})
	n.limits.ask = 200 * time.Millisecond
	stuck := time.AfterFunc(20*time.Second, end) // unblocks the threads
	if file, err := n.openFresh(t.Context(), r); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("%v, %v", file, err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if r.Process.alive() {
		t.Error("the client has not ended")
	}
	if !stuck.Stop() {
		t.Error("a thread has waited for the file system")
	}
}

// TestTreesInUseStay: trees in use stay, and the others are removed.
func TestTreesInUseStay(t *testing.T) {
	n, placed := newPlacedNode(t)
	trees := filepath.Join(n.cfg.StateDir, placement.TreeDir)
	r := n.stage()
	if err := errors.Join(os.Rename(filepath.Join(trees, placed.Version()), filepath.Join(trees, "9.6-in-use")), os.Mkdir(filepath.Join(trees, "9.5-unused"), 0o755)); err != nil {
		t.Fatal(err)
	}
	n.sweepTrees(klog.Background())
	if got := mounttest.Names(t, trees); got != "9.6-in-use" || n.Leftovers() != 0 {
		t.Errorf("while a client uses one: %s, %d leftovers", got, n.Leftovers())
	}
	if clients := Clients(n.cfg.StateDir); len(clients) != 1 || clients[0].Version != "9.6-in-use" {
		t.Errorf("%+v", clients)
	}
	if report := n.Report(); report.Old != 1 {
		t.Errorf("its only client has another version than new clients: %+v", report)
	}
	n.node.Store(nil)
	if report := n.Report(); report.Old != 0 {
		t.Errorf("new clients run in the container, so there is no version to compare with: %+v", report)
	}
	n.node.Store(placed)
	n.kill(r)
	n.sweepTrees(klog.Background())
	if got := mounttest.Names(t, trees); got != "" {
		t.Errorf("afterwards: %s", got)
	}
}

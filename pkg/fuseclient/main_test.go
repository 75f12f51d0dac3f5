package fuseclient

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-N" {
		syscall.Exit(fakeClient(os.Args[1:])) // os.Exit takes a second under the race detector
	}
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		syscall.Exit(0)
	}
	if fusequery.IsChild(os.Args) {
		syscall.Exit(fusequery.Serve(os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == "leaderless" {
		leaderless()
	}
	if len(os.Args) > 1 && os.Args[1] == "placed" {
		os.Exit(placedDriver(os.Args[2], os.Args[3], os.Args[4]))
	}
	if len(os.Args) > 1 && os.Args[1] == "repaired" {
		os.Exit(repairedDriver(os.Args[2], os.Args[3], os.Args[4]))
	}
	if len(os.Args) > 1 && os.Args[1] == "hasty" {
		os.Exit(hastyDriver(os.Args[2], os.Args[3], os.Args[4]))
	}
	if len(os.Args) > 1 && os.Args[1] == "driver" {
		os.Exit(doomedDriver(os.Args[2], os.Args[3], os.Args[4]))
	}
	os.Exit(mounttest.RunPrivate(m))
}

// node is a Manager with its directories.
type node struct {
	*Manager
	t       *testing.T
	kubelet string
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, kubelet: t.TempDir()}
	n.mkdir("staging")
	n.Manager = startManager(t, t.TempDir())
	t.Cleanup(n.cleanUp)
	return n
}

func startManager(t *testing.T, stateDir string) *Manager {
	t.Helper()
	const short = 300 * time.Millisecond // for processes that must end; ask is longer, because an answer takes time on a busy machine
	s, err := newManager(t.Context(), testConfig(stateDir), limits{ask: time.Second, lock: short / 30, exit: short, mute: 3 * short, tick: time.Millisecond, bricks: short, connect: short / 10})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testConfig(stateDir string) Config {
	self, _ := os.Executable() // an error shows when the client is started
	return Config{
		StateDir:     stateDir,
		Glusterfs:    self,
		StartTimeout: time.Minute,
		Prober: &mount.Prober{Grace: time.Second, Limit: time.Second, LookupLimit: time.Second, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.IPv6Loopback()}, nil
		}, Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			return near, far.Close()
		}},
		FetchVolfile: func(context.Context, string, int, string) (string, error) { return "", volfile.ErrNoAnswer },
	}
}

// cleanUp ends the clients that a test leaves, so that its directories can be removed.
func (n *node) cleanUp() {
	n.asker.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.records {
		if r.Process.alive() {
			_ = syscall.Kill(r.Process.PID, syscall.SIGKILL)
		}
	}
	n.ending.Wait()
	for _, m := range mountsBelow(n.t, n.kubelet) {
		_ = unix.Unmount(m, unix.MNT_DETACH)
	}
	for _, m := range mountsBelow(n.t, n.cfg.StateDir) {
		_ = unix.Unmount(m, unix.MNT_DETACH)
	}
	unsealClients(n.cfg.StateDir)
}

// unsealClients makes the directories of clients that were not ended removable.
func unsealClients(stateDir string) {
	dirs, _ := filepath.Glob(filepath.Join(stateDir, "clients", "*"))
	for _, dir := range dirs {
		_ = mount.Unseal(dir)
	}
}

func (n *node) path(name string) string { return filepath.Join(n.kubelet, name) }

func (n *node) mkdir(name string) string {
	n.t.Helper()
	if err := os.Mkdir(n.path(name), 0o755); err != nil {
		n.t.Fatal(err)
	}
	return n.path(name)
}

func source(volume string, flags ...string) mount.Source {
	options, err := mount.ParseOptions(flags)
	if err != nil {
		panic(err)
	}
	return mount.Source{VolumeID: "id-" + volume, Servers: []string{"gluster1", "gluster2"}, Volume: volume, Options: options}
}

func (n *node) stage() record {
	n.t.Helper()
	if err := n.Stage(n.t.Context(), source("vol"), n.path("staging")); err != nil {
		n.t.Fatal(err)
	}
	return n.known()
}

func (n *node) known() record {
	n.t.Helper()
	r, ok := n.record("id-vol")
	if !ok {
		n.t.Fatal("no record of the volume")
	}
	return r
}

func (n *node) publish(target string, readOnly bool) error {
	return n.Publish(n.t.Context(), mount.Publication{
		VolumeID: "id-vol", StagingPath: n.path("staging"), TargetPath: n.path(target), ReadOnly: readOnly,
	})
}

func (n *node) mustPublish(target string) {
	n.t.Helper()
	if err := n.publish(target, false); err != nil {
		n.t.Fatal(err)
	}
}

// kill kills the client and waits until it is gone.
func (n *node) kill(r record) {
	n.t.Helper()
	n.signal(r, syscall.SIGKILL)
	waitFor(n.t, "the client's end", func() bool { return !r.Process.alive() })
}

func (n *node) signal(r record, sig syscall.Signal) {
	n.t.Helper()
	if err := syscall.Kill(r.Process.PID, sig); err != nil {
		n.t.Fatal(err)
	}
}

// stop makes the client hang. The signal alone is not enough: its threads stop a moment later.
func (n *node) stop(r record) {
	n.t.Helper()
	n.signal(r, syscall.SIGSTOP)
	waitFor(n.t, "the client to stop", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", r.Process.PID))
		return err == nil && !slices.ContainsFunc(threads, func(thread string) bool {
			data, err := os.ReadFile(thread)
			return err == nil && !strings.Contains(string(data), ") T ")
		})
	})
}

// bricksAway makes the client answer as if no brick could be reached.
func (n *node) bricksAway(r record) {
	n.t.Helper()
	n.signal(r, syscall.SIGUSR1)
	waitFor(n.t, "the bricks to disappear", func() bool {
		data, _ := os.ReadFile(n.logPath(r.Source.VolumeID))
		return strings.Contains(string(data), "bricks away")
	})
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// deadFUSE mounts a file system of the given type whose client is gone.
func deadFUSE(t *testing.T, path, fsType string) {
	t.Helper()
	if err := mountDead(path, fsType); err != nil {
		t.Fatal(err)
	}
}

func mountDead(path, fsType string) error {
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	return unix.Mount("dead", path, fsType, 0, mountData(dev))
}

// mountData returns the options of a FUSE mount whose client has the device open as dev.
func mountData(dev int) string {
	return fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev)
}

// answers sends a request to the file system that is mounted at a path.
func answers(path string) error {
	var st unix.Statx_t
	return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_FORCE_SYNC|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
}

// mountsBelow lists the mount points below a directory from the kernel's own table, later ones first.
func mountsBelow(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var points []string
	for line := range strings.Lines(string(data)) {
		if point := strings.Fields(line)[4]; strings.HasPrefix(point, dir+"/") {
			points = append([]string{point}, points...)
		}
	}
	return points
}

func (n *node) layers(name string) int {
	count := 0
	for _, point := range mountsBelow(n.t, n.kubelet) {
		if point == n.path(name) {
			count++
		}
	}
	return count
}

// files lists the state directory.
func (n *node) files() string {
	var names []string
	err := filepath.WalkDir(n.cfg.StateDir, func(path string, _ os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(n.cfg.StateDir, path); strings.Contains(rel, "/") {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// doomedDriver is the test binary in the role of a driver that stages a volume and is then killed: by itself, or earlier by the
// test.
func doomedDriver(stateDir, stagingPath, volume string) int {
	s, err := NewManager(context.Background(), testConfig(stateDir))
	if err == nil {
		err = s.Stage(context.Background(), source(volume), stagingPath)
	}
	fmt.Fprintln(os.Stderr, err)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	return 1
}

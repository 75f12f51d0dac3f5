package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// placedDriver is the test binary in the role of a driver that is not process 1. It prints where it would start clients.
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

// repairedDriver is the test binary in the role of a driver that cannot place clients until its first client is to be started. It
// prints where clients run before and after that start, which fails for another reason.
func repairedDriver(stateDir, glusterfs, group string) int {
	cfg := testConfig(stateDir)
	cfg.Placement, cfg.Glusterfs, cfg.CgroupName = PlacementNode, glusterfs, group
	cfg.Prober.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, unix.ECONNREFUSED }
	staging, trees := filepath.Join(stateDir, "staging"), filepath.Join(stateDir, placement.TreeDir)
	err := errors.Join(os.Mkdir(staging, 0o755), os.WriteFile(trees, nil, 0o600)) // a file in the way
	if err != nil {
		fmt.Println(err)
		return 1
	}
	m, err := NewManager(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer m.Close()
	before := m.Report().InPod
	m.tried = time.Time{} // the failure is not of a moment ago
	err = errors.Join(os.Remove(trees), m.Stage(context.Background(), source("vol"), staging))
	state, stateErr := ReadPlacement(stateDir)
	fmt.Printf("in the pod: %t, then %t; unreachable: %t; %s, %v, %s", before, m.Report().InPod, errors.Is(err, mount.ErrUnavailable), state.Placement, stateErr, state.Error)
	return 0
}

// TestPlacementIsTriedAgainForAClient: a failure of a moment puts no client into the container, where it would stay.
func TestPlacementIsTriedAgainForAClient(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "repaired", t.TempDir(), mounttest.Glusterfs(t), mounttest.Cgroup(t))
	out, err := cmd.Output()
	if want := "in the pod: true, then false; unreachable: true; node, <nil>, "; err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
}

// hastyDriver is the test binary in the role of a driver whose call for a volume ends while it prepares the node. It prints where
// clients run afterwards.
func hastyDriver(stateDir, glusterfs, group string) int {
	m, err := NewManager(context.Background(), testConfig(stateDir))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer m.Close()
	m.cfg.Placement, m.cfg.Glusterfs, m.cfg.CgroupName, m.tried = PlacementNode, glusterfs, group, time.Time{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	m.retryNode(ctx)
	ended := ctx.Err()
	m.retryNode(context.Background()) // waits for the first one
	state, err := ReadPlacement(stateDir)
	fmt.Printf("%v; %s, %v, %s", ended, state.Placement, err, state.Error)
	return 0
}

// TestPlacementDependsOnNoDeadline: all calls use the result of one attempt, so the deadline of one call does not end it.
func TestPlacementDependsOnNoDeadline(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "hasty", t.TempDir(), mounttest.Glusterfs(t), mounttest.Cgroup(t))
	out, err := cmd.Output()
	if want := "context deadline exceeded; node, <nil>, "; err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
}

// TestDriverThatPlacesClients: the driver finds the installed client, or reports why it cannot.
func TestDriverThatPlacesClients(t *testing.T) {
	dir := t.TempDir()
	unused := filepath.Join(dir, placement.TreeDir, "9.5-unused")
	path := mounttest.Glusterfs(t)
	for name, want := range map[string]string{"glusterfs": "node, version 1", path: "node, version 1", "/missing/glusterfs": "stat /missing/glusterfs", "/bin/false": "translators"} {
		if strings.HasPrefix(want, "node") {
			if err := os.MkdirAll(unused, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], "placed", dir, name, mounttest.Cgroup(t))
		cmd.Dir = filepath.Dir(path)
		out, err := cmd.Output()
		if _, statErr := os.Stat(unused); !errors.Is(statErr, os.ErrNotExist) {
			t.Errorf("%s: an earlier version is left: %v", name, statErr)
		}
		if err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "in the pod: true") == strings.HasPrefix(string(out), "node") {
			t.Errorf("%s: %s, %v; want %q", name, out, err, want)
		}
		if err := os.RemoveAll(filepath.Join(dir, placement.TreeDir)); err != nil { // the tree would be used even without the client
			t.Fatal(err)
		}
	}
}

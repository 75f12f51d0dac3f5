package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

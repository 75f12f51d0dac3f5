package storage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func TestAllNodesAreReady(t *testing.T) {
	const ready = `jsonpath={range .items[?(@.status.conditions[-1].status=="True")]}{.metadata.name}{"\n"}{end}`
	got := strings.Fields(clustertest.Kubectl(t, cluster, "get", "nodes", "-o", ready))
	slices.Sort(got)
	if want := []string{"node1", "node2", "storage1", "storage2", "storage3"}; !slices.Equal(got, want) {
		t.Errorf("nodes that are ready: %q, want %q", got, want)
	}
}

func TestStorageNodesAreBare(t *testing.T) {
	for i := 1; i <= lab.StorageNodes; i++ {
		node := cluster.Lab().Storage(i)
		for _, program := range []string{"glusterd", "glusterfsd", "sshd"} {
			pids, err := node.Processes(t.Context(), program)
			if err != nil || len(pids) > 0 {
				t.Errorf("%s runs on %s: %q, %v", program, node.Name, pids, err)
			}
		}
		for _, dir := range []string{"/var/lib/glusterd", "/var/lib/heketi", "/etc/glusterfs", "/lib/modules"} {
			if out, err := node.Output(t.Context(), "ls", "-A", dir); err != nil || out != "" {
				t.Errorf("%s of %s has %q, %v, want an empty directory", dir, node.Name, out, err)
			}
		}
		for _, device := range lab.BareDevices() {
			if out, err := node.Output(t.Context(), "wipefs", "--noheadings", device); err != nil || out != "" {
				t.Errorf("%s of %s has %q, %v, want an empty block device", device, node.Name, out, err)
			}
		}
	}
	if running, err := cluster.Lab().Hub().Processes(t.Context(), "heketi"); err != nil || len(running) > 0 {
		t.Errorf("Heketi runs on the hub: %q, %v", running, err)
	}
}

// What a storage node has besides, the host must not get.
func TestStorageNodesLeaveTheHostAlone(t *testing.T) {
	node := cluster.Lab().Storage(1)
	const mark = "/lib/modules/of-storage1"
	if out, err := node.Output(t.Context(), "touch", mark); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _, _ = node.Output(t.Context(), "rm", "-f", mark) })
	for _, path := range append(lab.BareDevices(), mark, filepath.Join("/usr", mark)) {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("the host has %s", path)
		}
	}
}

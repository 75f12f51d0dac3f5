package storage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestInterruptedMove takes an installation apart whose setup was interrupted, and whose Heketi ended while it moved a brick of its
// database's volume. The teardown is the cleanup of prepare.
func TestInterruptedMove(t *testing.T) {
	i := installInterrupted(t)
	i.upgrade(firstNodes(lab.BareDevices()))
	id := i.device("storage1", lab.BareDevices()[0])
	i.heketi("device", "disable", id)
	removed := make(chan error, 1)
	go func() {
		_, err := i.tryHeketi("device", "remove", id)
		removed <- err
	}()
	clustertest.Within(t, 3*time.Minute, func() error { return unfinished(i, 2) }) // the removal of the device, the move of its brick
	i.in("delete", "pod/heketi-0", "--grace-period=1", patience)
	if err := <-removed; err == nil {
		t.Fatal("the device was removed before Heketi ended")
	}
	i.in("rollout", "status", "statefulset/heketi", patience)
	if err := unfinished(i, 2); err != nil {
		t.Error(err)
	}
}

// unfinished checks how many unfinished operations Heketi has.
func unfinished(i installed, want int) error {
	i.Helper()
	operations := i.heketi("server", "operations", "info")
	if !strings.Contains(operations, fmt.Sprintf("Total: %d\n", want)) {
		return fmt.Errorf("Heketi has these unfinished operations, want %d:\n%s", want, operations)
	}
	return nil
}

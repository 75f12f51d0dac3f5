package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

func TestCgroupsAreRemovedWithTheirProcesses(t *testing.T) {
	needs.Root(t, "it makes control groups")
	layout := Layout{Dir: t.TempDir()}
	if err := makeCgroups(layout, "node1"); err != nil {
		t.Fatal(err)
	}
	mounts, err := hierarchies()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(Cgroups(layout, "")), 2*len(mounts); got != want {
		t.Errorf("%d control groups were made, want the lab's and the machine's in %d hierarchies", got, len(mounts))
	}
	client := filepath.Join(mounts[0], layout.ClientCgroup(), "client") // as a node plugin makes it
	if err := os.MkdirAll(client, 0o755); err != nil {
		t.Fatal(err)
	}
	busy := exec.CommandContext(t.Context(), "sleep", "60")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	procs := filepath.Join(mounts[0], layout.Cgroup("node1"), "cgroup.procs")
	if err := os.WriteFile(procs, []byte(strconv.Itoa(busy.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if err := RemoveCgroups(layout, "", 100*time.Millisecond); err == nil {
		t.Error("a group with a process in it was removed")
	}
	if err := makeCgroups(layout, "node2"); err != nil {
		t.Fatal(err)
	}
	if err := RemoveCgroups(layout, "node2", 10*time.Second); err != nil {
		t.Error(err)
	}
	if left := Cgroups(layout, "node1"); len(left) == 0 || len(Cgroups(layout, "node2")) > 0 {
		t.Errorf("of the other machine %q are left", left)
	}
	_ = busy.Process.Kill()
	_ = busy.Wait()
	if err := RemoveCgroups(layout, "", 10*time.Second); err != nil {
		t.Error(err)
	}
	if left := Cgroups(layout, ""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if _, err := os.Stat(filepath.Dir(client)); !os.IsNotExist(err) {
		t.Errorf("the group of the clients is left: %v", err)
	}
}

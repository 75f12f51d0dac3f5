package placement

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

const containerVariable = "PLACEMENT_TEST_CONTAINER"

// container acts as a node plugin with a separate cgroup namespace. It starts a process, prints the process's number, and ends
// when its standard input is closed.
func container(group string) int {
	groups, err := openCgroups()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	cmd := exec.Command("sleep", "1000")
	if err := (&Node{cfg: Config{Group: group}, cgroups: groups}).StartBeside(cmd, "client"); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(cmd.Process.Pid)
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return 0
}

// TestOwnCgroupNamespace: CRI-O may give a container a separate cgroup namespace, in which its own cgroup appears to be the top.
func TestOwnCgroupNamespace(t *testing.T) {
	n := &Node{cfg: Config{Group: mounttest.Cgroup(t)}, cgroups: openTestCgroups(t)}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), containerVariable+"="+mounttest.Cgroup(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWCGROUP}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.StartBeside(cmd, "container"); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	pid, numberErr := strconv.Atoi(strings.TrimSpace(said))
	if err != nil || numberErr != nil {
		t.Fatalf("the container says %q, %v", said, err)
	}
	for controllers, path := range cgroupsOf(t, pid) {
		if !strings.HasSuffix(path, "/"+mounttest.Cgroup(t)+"/client") || strings.Contains(path, "container") {
			t.Errorf("hierarchy %q: the client is in %s", controllers, path)
		}
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if err := n.Sweep(); err != nil {
		t.Error(err)
	}
}

package mounttest

import (
	"os/exec"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// OtherUser starts a process in a user and a mount namespace that are not this process's, as any user can. It returns the process's
// number, and skips the test if the kernel allows no such namespaces.
func OtherUser(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", "echo started; exec sleep infinity")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 100)); err != nil {
		needs.Missing(t, "needs user namespaces, which this kernel does not allow here")
	}
	return cmd.Process.Pid
}

package mounttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// RunPrivate is called by TestMain. It runs the tests as process 1 of a new mount and PID namespace, so that neither mounts nor
// processes can be left behind, and returns the exit status.
func RunPrivate(m *testing.M) int {
	const marker = "MOUNTTEST_PRIVATE"
	if os.Getenv(marker) != "" {
		return m.Run()
	}
	if os.Getpid() == 1 && os.Getenv(marker+"_CHILD") != "" {
		if err := errors.Join(
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("proc", "/proc", "proc", 0, ""),
			os.Setenv(marker, "1"),
		); err != nil {
			fmt.Fprintln(os.Stderr, "private namespace:", err)
			return 1
		}
		return m.Run()
	}
	if code, root := needs.RootForAll(m.Run, "the tests of this package mount file systems in a private namespace"); !root {
		return code
	}
	self := exec.Command(os.Args[0], os.Args[1:]...) //nolint:gosec,noctx // the test binary itself, which has its own timeout
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.Env = append(os.Environ(), marker+"_CHILD=1")
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	err := self.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "private namespace:", err)
		return 1
	}
	return 0
}

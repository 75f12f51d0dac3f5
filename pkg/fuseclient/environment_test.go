package fuseclient

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestRunningClientHasNoSecrets: the environment of a client can be read for as long as the client lives, which is longer than
// the driver.
func TestRunningClientHasNoSecrets(t *testing.T) {
	t.Setenv("HEKETI_KEY", "hunter2")
	n := newNode(t)
	r := n.stage()
	dir := fmt.Sprintf("/proc/%d/", r.Process.PID)
	environment, err := os.ReadFile(dir + "environ")
	if err != nil || strings.Contains(string(environment), "hunter2") || !strings.Contains(string(environment), "LC_ALL=C") {
		t.Errorf("environment %q, %v", environment, err)
	}
	if cwd, err := os.Readlink(dir + "cwd"); cwd != "/" { // "/", so that the client keeps no file system busy
		t.Errorf("working directory %s, %v", cwd, err)
	}
	log, err := os.Stat(n.logPath(r.Source.VolumeID))
	if err != nil || log.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", log, err)
	}
}

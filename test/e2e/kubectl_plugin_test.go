package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestKubectlPlugin installs the program as a plugin of kubectl, as docs/kubectl.md does, and runs its commands with the context
// of an administrator.
func TestKubectlPlugin(t *testing.T) {
	theDriver(t)
	s := newSpace(t, "plugin")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	v := s.bound("data")
	program, err := filepath.Abs(filepath.Join(root, "build", "bin", "glusterfs-csi"))
	ok(t, err)
	dir := t.TempDir()
	for _, name := range []string{"kubectl-glusterfs_csi", "kubectl_complete-glusterfs_csi"} {
		ok(t, os.Symlink(program, filepath.Join(dir, name)))
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))

	t.Run("doctor", func(t *testing.T) {
		found := pluginFindings(t, "doctor")
		versions := 0
		for _, f := range found {
			if f.Severity == report.Critical || f.Check == "pod-unexamined" {
				t.Errorf("%+v", f)
			}
			if f.Check == "versions" {
				versions++
			}
		}
		if versions != 2 {
			t.Errorf("%d workloads have a finding about their version, want the StatefulSet and the DaemonSet: %+v", versions, found)
		}
		for _, node := range machines(cluster.Lab().Node, lab.ClientNodes) {
			if !slices.ContainsFunc(found, func(f report.Finding) bool { return strings.HasPrefix(f.Subject, "node "+node.Name+":") }) {
				t.Errorf("no finding is about node %s: %+v", node.Name, found)
			}
		}
	})
	t.Run("orphans", func(t *testing.T) {
		for _, f := range pluginFindings(t, "orphans") {
			if strings.Contains(f.Subject, v.gluster()) {
				t.Errorf("a volume with a claim is reported: %+v", f)
			}
		}
	})
	t.Run("import", func(t *testing.T) {
		manifest := kubectl(t, "glusterfs-csi", "import", v.gluster(), "--namespace="+driver.Namespace)
		if !strings.Contains(manifest, "volume: "+v.gluster()+"\n") {
			t.Errorf("%s, want a PersistentVolume of %s", manifest, v.gluster())
		}
	})
	t.Run("completion", func(t *testing.T) {
		if out := kubectl(t, "__complete", "glusterfs-csi", "do"); !strings.Contains(out, "doctor") {
			t.Errorf("do is completed by %q, want doctor", out)
		}
	})
}

// pluginFindings runs a command of the plugin. Its exit status must agree with its findings.
func pluginFindings(t *testing.T, command string) (found []report.Finding) {
	t.Helper()
	out, err := cluster.Command(t.Context(), "kubectl", "glusterfs-csi", command, "--namespace="+driver.Namespace, "--output=json").Output()
	if problem := json.Unmarshal(out, &found); problem != nil {
		t.Fatalf("%v, %v: %s", err, problem, out)
	}
	code := 0
	if exit, isExit := errors.AsType[*exec.ExitError](err); isExit {
		code = exit.ExitCode()
	} else {
		ok(t, err)
	}
	if code != report.ExitCode(found) {
		t.Errorf("%s exits with %d, want %d: %s", command, code, report.ExitCode(found), out)
	}
	return found
}

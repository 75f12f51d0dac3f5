// Package kubectltest provides a fake kubectl for tests, which answers without a cluster. It is a shell script in PATH. Since
// Install changes PATH for the process, its tests cannot be parallel.
package kubectltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Answer is kubectl's answer to command lines that contain the text To.
type Answer struct {
	To     string
	Stdout string
	Stderr string
	Code   int
}

// Install puts the fake kubectl first in PATH until the test ends. The fake kubectl gives the first matching answer, or exits with
// code 9 if no answer matches. calls returns the command lines so far; it fails the test if there are none.
func Install(t *testing.T, answers ...Answer) (calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	var script strings.Builder
	fmt.Fprintf(&script, "#!/bin/sh\necho \"$*\" >>%s/calls\ncase \"$*\" in\n", dir)
	for i, answer := range answers {
		write(t, filepath.Join(dir, fmt.Sprint(i, ".out")), answer.Stdout, 0o600)
		write(t, filepath.Join(dir, fmt.Sprint(i, ".err")), answer.Stderr, 0o600)
		fmt.Fprintf(&script, "*'%s'*) cat %[2]s/%[3]d.out; cat %[2]s/%[3]d.err >&2; exit %[4]d;;\n", answer.To, dir, i, answer.Code)
	}
	script.WriteString("esac\necho \"kubectl has no answer to: $*\" >&2\nexit 9\n")
	write(t, filepath.Join(dir, "kubectl"), script.String(), 0o700)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() []string {
		content, err := os.ReadFile(filepath.Join(dir, "calls")) // #nosec G304 -- a test's own file
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(content)), "\n")
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// Pod returns a pod of the driver in kubectl's JSON. Without an image ID the pod is not running.
func Pod(release, name, component, node, image, imageID string, args ...string) string {
	state := `{"waiting": {}}`
	if imageID != "" {
		state = `{"running": {}}`
	}
	return fmt.Sprintf(`{"kind": "Pod", "metadata": {"name": %q, "namespace": "storage", "labels": {"app.kubernetes.io/instance": %q, "app.kubernetes.io/component": %q}},
		"spec": {"nodeName": %q, "containers": [{"name": "other", "image": "other:1"}, {"name": "glusterfs-csi", "image": %q, "args": ["%s"]}]},
		"status": {"containerStatuses": [{"name": "other", "state": {"running": {}}}, {"name": "glusterfs-csi", "imageID": %q, "state": %s}]}}`,
		name, release, component, node, image, strings.Join(args, `", "`), imageID, state)
}

// Workload returns a StatefulSet or DaemonSet of the driver in kubectl's JSON. Without a chart it was not installed by helm.
func Workload(release, kind, name, component, chart, image string) string {
	return fmt.Sprintf(`{"kind": %q, "metadata": {"name": %q, "namespace": "storage", "labels": {"app.kubernetes.io/instance": %q, "app.kubernetes.io/component": %q,
		"helm.sh/chart": %q, "app.kubernetes.io/version": "0.1.0"}}, "spec": {"template": {"spec": {"containers": [{"name": "glusterfs-csi", "image": %q}]}}}}`,
		kind, name, release, component, chart, image)
}

// List returns a list of objects in kubectl's JSON.
func List(objects ...string) string {
	return `{"kind": "List", "items": [` + strings.Join(objects, ",") + `]}`
}

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/kube"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// TestPodsOutliveNodePlugins runs rounds of chaos (package test/chaos/kube): pods hold files and a SQLite database open, write
// and read, while the node plugin is upgraded and rolled back, killed and uninstalled. No pod may see an error, and the clients
// must stay the same ones throughout. E2E_UPGRADE is how long the upgrade takes.
func TestPodsOutliveNodePlugins(t *testing.T) {
	d := theDriver(t)
	length, err := time.ParseDuration(cmp.Or(os.Getenv("E2E_UPGRADE"), "10m"))
	ok(t, err)
	undoNodePlugins(t, d)
	rig, err := kube.Begin(t.Context(), cluster, d, filepath.Join(buildDir(), "images"))
	t.Cleanup(func() { ok(t, rig.Close(context.Background())) })
	ok(t, err)
	for _, round := range []kube.Round{kube.Upgrade(length), kube.Named("pod-killed"), kube.Named("uninstalled-and-installed")} {
		t.Run(round.Name, func(t *testing.T) {
			row := round.Run(t.Context(), rig, false)
			t.Log(strings.Join(row.Cells(), "  "))
			for _, line := range append(row.Faults, row.Said...) {
				t.Error(line)
			}
			if !row.Met {
				t.Error("the criteria are not met")
			}
		})
	}
	end := rig.End(t.Context())
	t.Logf("%d records were written", end.Records)
	if !end.Met() {
		t.Errorf("at the end: %+v", end)
	}
}

// TestClientsInThePod checks what docs/mounts.md says about client.placement "pod": clients end with the node plugin, which is
// replaced by hand; pods on its node are disconnected; the next pods get new clients.
func TestClientsInThePod(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "disconnected")
	undoNodePlugins(t, d)
	ok(t, d.Upgrade(t.Context(), "client.placement=pod"))
	replaceNodePlugins(t, d)
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + writer("here", "node1") + writer("elsewhere", "node2"))
	s.running("here", "elsewhere")
	old := nodePlugin(t, "node1")
	replaceNodePlugins(t, d, "node1")
	if now := nodePlugin(t, "node1"); now == old {
		t.Fatalf("the node plugin is %s, and was", old)
	}
	s.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", patience, "pod/here")
	const after, during = "Transport endpoint is not connected", "Software caused connection abort" // the client's end
	if log := s.kubectl("logs", "here"); !strings.Contains(log, after) && !strings.Contains(log, during) {
		t.Errorf("the writer's log is %q", log)
	}
	s.goesOn("elsewhere", s.lines("elsewhere"))
	s.apply(writer("next", "node1"))
	s.running("next")

	// This is the last replacement that has to be preceded by a drain.
	s.kubectl("delete", "pod", "here", "elsewhere", "next", patience)
	if _, err := d.Helm(t.Context(), "upgrade", driver.Release, d.Chart(), "--values", d.ValuesFile()); err == nil || !strings.Contains(err.Error(), "node.updateStrategy.type=OnDelete") {
		t.Errorf("a roll-out over clients in pods: %v, want a refusal", err)
	}
	ok(t, d.Upgrade(t.Context(), "node.updateStrategy.type=OnDelete", "node.updateStrategy.rollingUpdate=null"))
	replaceNodePlugins(t, d)
	eventually(t, func() error { // Kubernetes counts them, for the next upgrade
		if counts := inDriver(t, "get", "daemonset", driver.Node, "-o", "jsonpath={.status.updatedNumberScheduled} {.status.desiredNumberScheduled}"); counts != "2 2" {
			return fmt.Errorf("node plugins that are new, and all: %s", counts)
		}
		return nil
	})
}

// replaceNodePlugin replaces the pod of the node plugin on node1, since the kubelet delays the restart of a container that has
// ended several times by minutes.
func replaceNodePlugin(t *testing.T, d *driver.Driver) {
	t.Helper()
	inDriver(t, "delete", "pod/"+nodePlugin(t, "node1"), patience)
	ok(t, d.WaitReady(t.Context()))
}

// nodePlugin returns the pod of the node plugin on a node.
func nodePlugin(t *testing.T, node string) string {
	t.Helper()
	return inDriver(t, "get", "pods", "-l", "app.kubernetes.io/component=node", "--field-selector=spec.nodeName="+node,
		"-o", "jsonpath={.items[*].metadata.name}")
}

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// holder is the manifest of a pod that holds a file of the claim "data" open for its whole life, and writes ten lines a second
// through the same descriptor. It reads each back, and ends when anything fails.
func holder(name, node string) string {
	return writing(name, node, strings.ReplaceAll(`
exec 3>>/data/NAME 4</data/NAME
i=0
while echo "line $i" >&3 && read -r line <&4; do
  test "$line" = "line $i" || { echo "line $i is read as $line"; exit 1; }
  i=$((i + 1))
  sleep 0.1
done
exit 1
`, "NAME", name))
}

// TestPodsOutliveNodePlugins replaces, kills and uninstalls the node plugin while pods write to files that they hold open. No pod
// sees an error, and the clients are the same ones throughout.
func TestPodsOutliveNodePlugins(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "outlive")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + holder("here", "node1") + holder("elsewhere", "node2"))
	s.running("here", "elsewhere")
	volume := s.bound("data").gluster()
	before := fmt.Sprint(clients(t, 1, volume), clients(t, 2, volume))
	undoNodePlugins(t, d)
	for _, test := range []struct {
		name    string
		disturb func()
	}{
		{"rolled out", func() {
			old := nodePlugin(t, "node1")
			ok(t, d.Upgrade(t.Context(), "node.podAnnotations.version=next"))
			if now := nodePlugin(t, "node1"); now == old {
				t.Fatalf("the upgrade has not replaced %s", old)
			}
		}},
		{"rolled back", func() { ok(t, d.Upgrade(t.Context())) }},
		{"deleted", func() { replaceNodePlugins(t, d, "node1") }},
		{"killed", func() {
			count := restarts(t, "glusterfs-csi")
			sendSignal(t, "KILL", s.driverPid())
			eventually(t, func() error {
				if now := restarts(t, "glusterfs-csi"); now == count {
					return fmt.Errorf("the node plugin was restarted %s times, and still is", now)
				}
				return nil
			})
			ok(t, d.WaitReady(t.Context()))
		}},
		{"uninstalled and installed", func() {
			_, err := d.Helm(t.Context(), "uninstall", driver.Release, "--wait")
			ok(t, err)
			s.goesOn("here", s.lines("here"))
			ok(t, d.Upgrade(t.Context()))
		}},
	} {
		ran := t.Run(test.name, func(t *testing.T) {
			test.disturb()
			for _, pod := range []string{"here", "elsewhere"} {
				s.goesOn(pod, s.lines(pod))
			}
			if after := fmt.Sprint(clients(t, 1, volume), clients(t, 2, volume)); after != before {
				t.Errorf("the clients were %s and are %s", before, after)
			}
			s.apply(writer("next", "node1"))
			s.running("next")
			s.kubectl("delete", "pod", "next", patience)
		})
		if !ran {
			return
		}
	}
	s.kubectl("delete", "pod", "here", "elsewhere", patience)
	eventually(t, func() error {
		if left := fmt.Sprint(clients(t, 1, volume), clients(t, 2, volume)); left != "[] []" {
			return fmt.Errorf("clients that no pod needs are left: %s", left)
		}
		return nil
	})
}

// TestClientsInThePod shows what docs/mounts.md says of client.placement "pod": clients end with the node plugin, which is replaced
// by hand; pods on its node are disconnected; the next pods get new clients.
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
		t.Errorf("the writer's last words are %q", log)
	}
	s.goesOn("elsewhere", s.lines("elsewhere"))
	s.apply(writer("next", "node1"))
	s.running("next")

	// The last replacement that a drain has to precede.
	s.kubectl("delete", "pod", "here", "elsewhere", "next", patience)
	if _, err := d.Helm(t.Context(), "upgrade", driver.Release, d.Chart(), "--values", d.ValuesFile()); err == nil || !strings.Contains(err.Error(), "node.updateStrategy.type=OnDelete") {
		t.Errorf("a roll-out over clients in pods: %v, want that it is refused", err)
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

// nodePlugin is the pod of the node plugin on a node.
func nodePlugin(t *testing.T, node string) string {
	t.Helper()
	return inDriver(t, "get", "pods", "-l", "app.kubernetes.io/component=node", "--field-selector=spec.nodeName="+node,
		"-o", "jsonpath={.items[*].metadata.name}")
}

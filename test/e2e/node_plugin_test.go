package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestNodePluginIsReplacedByHand shows what docs/upgrade.md says: an upgrade leaves node plugins alone; one that is
// replaced disconnects the pods with volumes on its node; and these work again when they have been replaced, too.
func TestNodePluginIsReplacedByHand(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "disconnected")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + writer("here", "node1") + writer("elsewhere", "node2"))
	s.running("here", "elsewhere")
	idle := pod("idle", "node1", "data", 0)
	s.apply(idle)
	s.running("idle")

	old := nodePlugin(t, "node1")
	undoUpgrades(t, d)
	ok(t, d.Upgrade(t.Context(), "node.podAnnotations.version=next"))
	if now := nodePlugin(t, "node1"); now != old {
		t.Fatalf("the upgrade has replaced the node plugin %s by %s", old, now)
	}
	s.goesOn("here", s.lines("here"))

	inDriver(t, "delete", "pod", old, patience)
	eventually(t, func() error {
		if now := nodePlugin(t, "node1"); now == "" || now == old {
			return fmt.Errorf("the node plugin is %q, and was %q", now, old)
		}
		return nil
	})
	ok(t, d.WaitReady(t.Context()))
	const disconnected = "Transport endpoint is not connected"
	if message := s.inFails("idle", "cat /data/here"); !strings.Contains(message, disconnected) {
		t.Errorf("a pod on the node of the new node plugin says %q", message)
	}
	s.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", patience, "pod/here")
	if log := s.kubectl("logs", "here"); !strings.Contains(log, disconnected) {
		t.Errorf("the writer's last words are %q", log)
	}
	s.lines("elsewhere")

	// The next pod gets a new client, while the mounts of the others are still dead.
	s.apply(writer("next", "node1"))
	s.running("next")
	s.inFails("idle", "cat /data/here")
	s.kubectl("delete", "pod", "idle", "here", patience)
	s.apply(idle)
	s.running("idle")
	s.in("idle", "cat /data/here")
	s.lines("next")
}

// nodePlugin is the pod of the node plugin on a node.
func nodePlugin(t *testing.T, node string) string {
	t.Helper()
	return inDriver(t, "get", "pods", "-l", "app.kubernetes.io/component=node", "--field-selector=spec.nodeName="+node,
		"-o", "jsonpath={.items[*].metadata.name}")
}

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSilentNodePluginIsRestarted freezes a node plugin that has a liveness probe. Pods with volumes do not notice, until
// after some minutes they do, by the restart, as the value's description says.
func TestSilentNodePluginIsRestarted(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "silent")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	s.bound("data")
	nodePluginsWith(t, d, "node.livenessProbe=true")
	s.apply(writer("writer", "node1"))
	s.running("writer")
	plugin := nodePlugin(t, "node1")

	frozen := time.Now()
	sendSignal(t, "STOP", s.driverPid())
	inDriver(t, "wait", "--for=condition=Ready=false", patience, "pod/"+plugin)
	within(t, 8*time.Minute, func() error {
		switch n := restarts(t, "node1", "glusterfs-csi"); {
		case n == "1":
			return nil
		case time.Since(frozen) < 4*time.Minute:
			s.goesOn("writer", s.lines("writer"))
		}
		return fmt.Errorf("node plugin %s is not restarted", plugin)
	})
	t.Logf("restarted after %.0f s", time.Since(frozen).Seconds())
	inDriver(t, "wait", "--for=condition=Ready", patience, "pod/"+plugin)
	if events := inDriver(t, "get", "events", "--field-selector=involvedObject.name="+plugin, "-o",
		`jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}`); !strings.Contains(events, "failed liveness probe") {
		t.Errorf("the events do not say why:\n%s", events)
	}
	ok(t, d.WaitReady(t.Context()))

	s.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", patience, "pod/writer")
	if log := s.kubectl("logs", "writer"); !strings.Contains(log, "Transport endpoint is not connected") {
		t.Errorf("the writer's last words are %q", log)
	}
	s.apply(writer("next", "node1"))
	s.running("next")
}

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// TestSilentNodePluginIsRestarted freezes a node plugin. Its liveness probe must end it after some minutes, without an effect on
// pods with volumes.
func TestSilentNodePluginIsRestarted(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "silent")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + holder("writer", "node1"))
	s.running("writer")
	plugin, count := nodePlugin(t, "node1"), restarts(t, "glusterfs-csi")

	frozen := time.Now()
	sendSignal(t, "STOP", s.driverPid())
	inDriver(t, "wait", "--for=condition=Ready=false", patience, "pod/"+plugin)
	within(t, 8*time.Minute, func() error {
		if restarts(t, "glusterfs-csi") == count {
			s.goesOn("writer", s.lines("writer"))
			return fmt.Errorf("node plugin %s is not restarted", plugin)
		}
		return nil
	})
	t.Logf("restarted after %.0f s", time.Since(frozen).Seconds())
	inDriver(t, "wait", "--for=condition=Ready", patience, "pod/"+plugin)
	// Older kubelets may drop the reason's event among many events of the pod, so its presence cannot be relied on.
	events := inDriver(t, "get", "events", "--field-selector=involvedObject.name="+plugin, "-o",
		`jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}`)
	if kubernetesVersion(t).Has(versions.RareWarnings) && !strings.Contains(events, "failed liveness probe") {
		t.Errorf("the events do not say why:\n%s", events)
	}
	ok(t, d.WaitReady(t.Context()))
	s.goesOn("writer", s.lines("writer"))
	s.apply(writer("next", "node1"))
	s.running("next")
}

// holder returns the manifest of a pod that holds a file of the claim "data" open for its whole life, and writes ten lines a
// second through the same descriptor. It reads each line back, and exits on any error.
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

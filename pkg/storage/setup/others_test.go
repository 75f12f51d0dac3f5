package setup

import (
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
)

// TestOtherJobs: the setup waits, and changes nothing, while another Job works on the devices.
func TestOtherJobs(t *testing.T) {
	for label, name := range map[string]string{jobs.Setup: "setup-0", jobs.Teardown: "teardown-0"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.jobs = map[string][]kube.Pod{label: {{Name: "ended", Ended: true}, {Name: "setup-1"}, {Name: name}}}
			err := w.run("")
			want := "step 2 of 6, wait for the end of other Jobs: not done within 1s: pod " + name + " of another Job is at work: if it cannot end, delete its Job (kubectl -n storage get jobs); if its node is lost, run kubectl delete node, or taint the node with node.kubernetes.io/out-of-service"
			if err == nil || err.Error() != want || len(w.commands) > 0 {
				t.Fatalf("%v, commands %q", err, w.commands)
			}
			if testing.Short() {
				return
			}
			time.AfterFunc(300*time.Millisecond, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.jobs = nil
			})
			if err := w.run(""); err != nil {
				t.Fatal(err)
			}
			w.check(3, 3)
			if !strings.Contains(w.log.String(), "Waiting for another Job") {
				t.Errorf("the log:\n%s", w.log)
			}
		})
	}
}

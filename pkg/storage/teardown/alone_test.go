package teardown

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
)

// TestUpgradeDuringTeardown: an upgrade begins during a teardown. The teardown does not take its next step. Once the upgrade's
// Heketi and setup are gone, another run continues.
func TestUpgradeDuringTeardown(t *testing.T) {
	for name, tt := range map[string]struct {
		after string // a request to the temporary Heketi, after which the upgrade begins
		begin func(*world)
		end   func(*world)
		want  string
	}{
		"Heketi": {
			"DELETE /volumes/ID", func(w *world) { w.replicas = 1 }, func(w *world) { w.replicas = 0 },
			"step 4 of 6, remove the devices: refused: Heketi was started again (StatefulSet heketi has 1 replicas)",
		},
		"setup": {
			"DELETE /devices/ID", func(w *world) { w.others[jobs.Setup] = []kube.Pod{{Name: "setup-2"}} }, func(w *world) { w.others[jobs.Setup] = nil },
			"step 5 of 6, remove nodes and clusters: refused: pod setup-2 of another Job is at work",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.noticed = func(kind string, _ *http.Request) {
				if kind == tt.after {
					tt.begin(w)
				}
			}
			if err := w.run(""); !errors.Is(err, ErrRefused) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("%v", err)
			}
			w.noticed = nil
			tt.end(w)
			w.leaving = 0
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check()
		})
	}
}

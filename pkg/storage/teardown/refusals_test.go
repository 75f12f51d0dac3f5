package teardown

import (
	"errors"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

// TestRefusalsAfterHeketisEnd: refusals after Heketi's end explain how to start Heketi again; earlier refusals do not.
func TestRefusalsAfterHeketisEnd(t *testing.T) {
	const start = "Start Heketi again (kubectl -n storage scale statefulset/heketi --replicas=1). "
	job := &Teardown{Options: Options{Options: jobs.Options{Namespace: testNamespace}, StatefulSet: "heketi", NodeLabel: "storagenode=glusterfs"}, Runner: &world{volumes: map[string]bool{"mine": true}, points: &storagetest.Points{}}}
	pods := servers.Pods{"n1": "gluster-n1"}
	for name, check := range map[string]func(running bool) error{
		"a volume":            func(running bool) error { return job.refuseVolumes([]string{"vol_a"}, running) },
		"a volume of gluster": func(running bool) error { return job.checkGlusterVolumes(t.Context(), pods, running) },
		"a volume of an ending": func(running bool) error {
			if running {
				return ErrRefused
			}
			return job.checkGlusterAlone(t.Context(), pods, heketi.Dump{})
		},
	} {
		for _, running := range []bool{true, false} {
			if err := check(running); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), start) == running {
				t.Errorf("%s, running %v: %v", name, running, err)
			}
		}
	}
}

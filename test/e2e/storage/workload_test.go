package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
)

// workloadPod writes to and reads from a claim of the default class: open files, a database, renames, an emptyDir in the volume
// and a subPath (test/chaos/workload).
const workloadPod = `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: workload}
spec:
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: workload}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: workload
      image: docker.io/library/chaos-workload:v1
      args: [run, /volume/all]
      env: [{name: CHAOS_SUBPATH, value: /sub}]
      volumeMounts:
        - {name: volume, mountPath: /volume}
        - {name: scratch, mountPath: /volume/all-scratch}
        - {name: volume, mountPath: /sub, subPath: all-sub}
  volumes:
    - {name: scratch, emptyDir: {}}
    - {name: volume, persistentVolumeClaim: {claimName: workload}}
`

// workload is a running workload pod.
type workload struct {
	*testing.T
	astray int // calls that may have reached the volume's directory beneath the emptyDir in it
}

func startWorkload(t *testing.T) *workload {
	t.Helper()
	clustertest.Apply(t, cluster, workloadPod, "workload")
	w := &workload{T: t}
	w.undisturbed("its beginning", false)
	return w
}

// undisturbed waits until the workload has made progress, and checks that no call has failed so far. After a change of the
// volume's graph, calls may have reached the volume's directory beneath the emptyDir in it (docs/mounts.md).
func (w *workload) undisturbed(by string, graph bool) {
	w.Helper()
	before := w.status().Sum()
	var last tally.Status
	var after tally.Sum
	clustertest.Within(w.T, 2*time.Minute, func() error {
		last = w.status()
		if after = last.Sum(); after.Writes > before.Writes+20 && after.Reads > before.Reads+20 {
			return nil
		}
		return fmt.Errorf("after %s: %d writes and %d reads in all, before %d and %d", by, after.Writes, after.Reads, before.Writes, before.Reads)
	})
	if graph {
		w.astray = after.Astray
	}
	if failed := after.Errors + after.Cut + after.Wrong + after.Beneath + after.Astray - w.astray; failed > 0 {
		w.Errorf("%s: %d calls have failed: %+v", by, failed, after)
		for _, worker := range last.Workers {
			w.Logf("%s: %q", worker.Name, worker.Said)
		}
		return
	}
	w.Logf("%s: %d writes, %d reads, none failed", by, after.Writes, after.Reads)
}

// status returns the last status that the workload has printed.
func (w *workload) status() tally.Status {
	w.Helper()
	var line string
	clustertest.Within(w.T, 3*time.Minute, func() (err error) {
		line, err = cluster.Kubectl(w.Context(), "logs", "workload", "--tail=1")
		if err == nil && strings.TrimSpace(line) == "" {
			err = errors.New("the workload has printed nothing")
		}
		return err
	})
	var status tally.Status
	if err := json.Unmarshal([]byte(line), &status); err != nil {
		w.Fatalf("%q: %v", line, err)
	}
	return status
}

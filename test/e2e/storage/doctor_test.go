package storage

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
)

// examined runs doctor on the installation: without a problem, with a brick offline, and with the brick back. The lab has no thin
// pools.
func examined(t *testing.T, i installed) {
	t.Helper()
	expectFinding(t, i, "storage-servers", report.OK, "3 GlusterFS servers, ready on each node with the label storagenode=glusterfs")
	expectFinding(t, i, "storage-peers", report.OK, "all servers are connected")
	expectFinding(t, i, "storage-bricks", report.OK, "are online")
	expectFinding(t, i, "storage-pools", report.OK, "none nearly full")
	expectFinding(t, i, "storage-heketi", report.OK, "Heketi's pod is ready")
	expectFinding(t, i, "storage-backup", report.Info, "there is no daily copy of Heketi's database yet")
	i.in("create", "job", "first-copy", "--from=cronjob/heketi-backup")
	i.in("wait", "--for=condition=Complete", "job/first-copy", patience)
	expectFinding(t, i, "storage-backup", report.OK, "as of its last change")

	const volume = "heketidbstorage"
	i.in("exec", "daemonset/glusterfs", "--container=glusterfs", "--", "bash", "-c",
		"kill -KILL $(cat /run/gluster/vols/"+volume+"/*.pid)")
	expectFinding(t, i, "storage-bricks", report.Warning, "gluster volume "+volume+" has 1 brick offline; the other copies still serve")
	i.in("exec", "daemonset/glusterfs", "--container=glusterfs", "--", "gluster", "--mode=script", "volume", "start", volume, "force")
	expectFinding(t, i, "storage-bricks", report.OK, "are online")
	isHealed(t, i)
}

// expectFinding waits for a finding: glusterd needs a moment to notice that a brick has ended.
func expectFinding(t *testing.T, i installed, check string, severity report.Severity, says string) {
	t.Helper()
	clustertest.Within(t, 3*time.Minute, func() error {
		cmd := cluster.Command(i.Context(), filepath.Join(absolute(t, root), "build", "bin", "glusterfs-csi"), "doctor", "--storage",
			"--kubeconfig="+cluster.Kubeconfig(), "--output=json")
		out, failed := cmd.Output() // its exit code is that of the worst finding
		var findings []report.Finding
		if err := json.Unmarshal(out, &findings); err != nil {
			return fmt.Errorf("doctor: %w: %s (%w)", err, out, failed)
		}
		for _, f := range findings {
			if f.Check == check && f.Severity == severity && strings.Contains(f.Message, says) {
				return nil
			}
		}
		return fmt.Errorf("doctor has no finding %s that is %s and has %q: %s", check, severity, says, out)
	})
}

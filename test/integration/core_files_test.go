package integration

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestServersLeaveNoCoreFile: a gluster server that crashes leaves no file on the host.
func TestServersLeaveNoCoreFile(t *testing.T) {
	// A process may end in between.
	const limits = `for limits in $(grep -ls '^Name:.gluster' /proc/[0-9]*/status)
		do grep -s '^Max core' ${limits%status}limits || [ ! -e ${limits%status} ]; done`
	r := newRig(t)
	r.create(createRequest(replica3()))
	for i := 1; i <= lab.StorageNodes; i++ {
		m := r.lab.Storage(i)
		out, err := m.Output(r.call(), "sh", "-ec", limits)
		r.ok(err, "read the limits of gluster's processes")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) < 3 { // glusterd, a brick, self-heal
			t.Errorf("%s has these processes only:\n%s", m.Name, out)
		}
		for _, line := range lines {
			if limit := strings.Join(strings.Fields(line)[4:6], " "); limit != "0 0" {
				t.Errorf("%s: %s", m.Name, line)
			}
		}
	}
}

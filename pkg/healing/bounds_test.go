package healing

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestTooMuchIsLost: mounts that are left out are reported, and a volume's own directories never show in place of a mount.
func TestTooMuchIsLost(t *testing.T) {
	h, dir := newHealer(t), t.TempDir()
	staging := filepath.Join(dir, "staging")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	pid := mounttest.Container(t, "private")
	table := tableOf(t, pid, device)
	table.LeftOut, table.Others = 5, 6
	r := h.testRepairer(t, staging)
	if err := r.restore(tables.Snapshot{Device: device, Tables: []tables.Table{table}}, false); err != nil || len(r.outcome.Lost) != 1 {
		t.Fatalf("%+v, %v", r.outcome, err)
	}
	if reason := r.outcome.Lost[0].Reason; !strings.Contains(reason, "5 mounts and 6 more") {
		t.Errorf("%q", reason)
	}
	h.logLeftOut(t.Context(), "id", []tables.Table{table})
	if said := h.volume("id").leftOut; !strings.Contains(string(said), "5 mounts and 6 more") {
		t.Errorf("%q", said)
	}
	h.logLeftOut(t.Context(), "id", nil)
	if said := h.volume("id").leftOut; said != "" {
		t.Errorf("%q", said)
	}
}
